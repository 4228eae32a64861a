"""What runs inside the sandbox, next to the user's code. Standard library only, any Python from 3.9."""
