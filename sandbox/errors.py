"""What the sandbox raises. Errors of the user's code are not here: they are part of a `Result`."""

from __future__ import annotations


class SandboxError(Exception):
    """Root of everything the sandbox raises on purpose."""


class SandboxUnavailable(SandboxError):
    """This machine cannot give what the policy asks for; the message names each gap and its remedy."""


class SandboxBroken(SandboxError):
    """The sandboxed interpreter could not be started; the message holds what it said."""


class FileRefused(SandboxError):
    """A file in the working directory will not be read: a link, a device, too large, or not in it at all."""


class SessionClosed(SandboxError):
    """`run` or `reset` was called after `close`."""
