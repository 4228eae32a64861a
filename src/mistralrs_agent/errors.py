"""The product's error tree: each class knows for whom it is.

    MistralrsError
    ├── UserError         a person at the command line or an API client made a mistake; show the message as it is
    │   ├── ConfigError   an option, a TOML key or a file named by one
    │   └── RequestError  a request that cannot be served as asked; carries an HTTP status, `param`, `code`
    └── ToolError         for the model, as the result of its call
        ├── ToolRetry     the call can be fixed: wrong arguments
        └── ToolFailed    trying the same again will not help
Errors of the engine keep their own tree (`engine.errors`).
"""

from __future__ import annotations


class MistralrsError(Exception):
    """Root of everything raised on purpose outside the engine and the sandbox."""


class UserError(MistralrsError):
    """A mistake of the person or client; the message says what was wrong and what would be right."""


class ConfigError(UserError):
    """An option cannot be honoured or does not fit another one."""


class RequestError(UserError):
    """A request that cannot be served as asked."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


class ToolError(MistralrsError):
    """A tool could not do what the model asked; the message is written for the model."""


class ToolRetry(ToolError):
    """The model should correct its call."""


class ToolFailed(ToolError):
    """The same call would fail again."""
