"""Runs untrusted Python and shell commands under a policy. Standard library only.

`Session` is a persistent interpreter behind walls (`BlockingSession` the same without `await`), `SandboxPolicy` the
rules, `describe` what this machine can hold.
It protects against a confused or hostile model on an up-to-date Linux kernel; it is not a virtual machine: a hole in
the kernel is a hole in it. See `docs/guides/sandbox.md`.
"""

from __future__ import annotations

from sandbox.blocking import BlockingSession
from sandbox.doctor import describe
from sandbox.errors import FileRefused, SandboxBroken, SandboxError, SandboxUnavailable, SessionClosed
from sandbox.files import ProducedFile
from sandbox.policy import SandboxPolicy
from sandbox.report import Layer, LayerReport
from sandbox.result import Result, Table
from sandbox.session import Session

__all__ = [
    "BlockingSession",
    "FileRefused",
    "Layer",
    "LayerReport",
    "ProducedFile",
    "Result",
    "SandboxBroken",
    "SandboxError",
    "SandboxPolicy",
    "SandboxUnavailable",
    "Session",
    "SessionClosed",
    "Table",
    "describe",
]
