"""The walls, on Linux: one mechanism a file, put up before any code of the model runs.

`serving` -> `launcher`, which builds -> (namespaces) -> `supervisor`, pid 1 of the session -> `entering`, which puts up
limits, Landlock and seccomp -> the interpreter.
"""
