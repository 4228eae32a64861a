"""A local agent on any Hugging Face or GGUF model."""

__version__ = "0.1.0"
