"""The walls, on Linux: one mechanism a file, put up by `launcher` around the interpreter before it starts.

`launcher` -> (namespaces) -> `supervisor`, pid 1 of the session -> (limits, Landlock, seccomp) -> the interpreter.
"""
