"""Runs untrusted Python under a policy. Standard library only.

`Session` is a persistent interpreter behind walls, `SandboxPolicy` the rules, `describe` what this machine can hold.
It protects against a confused or hostile model on an up-to-date Linux kernel; it is not a virtual machine: a hole in
the kernel is a hole in it. See `docs/guides/sandbox.md`.
"""

from __future__ import annotations

from sandbox.doctor import describe
from sandbox.errors import SandboxBroken, SandboxError, SandboxUnavailable, SessionClosed
from sandbox.policy import SandboxPolicy
from sandbox.report import Layer, LayerReport
from sandbox.result import Result
from sandbox.session import Session

__all__ = [
    "Layer",
    "LayerReport",
    "Result",
    "SandboxBroken",
    "SandboxError",
    "SandboxPolicy",
    "SandboxUnavailable",
    "Session",
    "SessionClosed",
    "describe",
]
