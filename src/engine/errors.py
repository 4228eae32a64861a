"""What can go wrong in the engine, each class with the facts its handler needs.

EngineError
├── ModelLoadError        a model cannot be found, read or understood
│   ├── ModelNotFound
│   ├── CorruptModel
│   ├── UnsupportedModel
│   └── AdapterError      an adapter cannot be loaded or unloaded; `code` says why
├── InvalidRequest        a caller's mistake; `param` names the field
│   └── ContextOverflow
├── EngineOverloaded      the waiting queue is full
└── WorkerDied            the process that held the model ended
"""

from __future__ import annotations


class EngineError(Exception):
    """Root of everything this package raises on purpose; the message is fit for a user."""


class ModelLoadError(EngineError):
    """A model cannot be made ready."""


class ModelNotFound(ModelLoadError):
    """Neither a local path nor a hub repository of that name holds a model."""


class CorruptModel(ModelLoadError):
    """A file of the model is truncated or breaks its format."""


class UnsupportedModel(ModelLoadError):
    """The model is well-formed but asks for something this engine does not have."""


class AdapterError(ModelLoadError):
    """An adapter cannot be loaded or unloaded; nothing has changed."""

    def __init__(self, message: str, *, code: str = "invalid_lora_adapter") -> None:
        """`code`: what went wrong in one word, as HTTP clients get it, such as `lora_adapter_not_found`."""
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), str(self), self.__dict__)


class InvalidRequest(EngineError):
    """The caller asked for something impossible; nothing was queued."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), str(self), self.__dict__)  # crosses the pipe from the worker


class ContextOverflow(InvalidRequest):
    """The prompt (plus the reply asked for) does not fit the model's context or the KV cache."""

    def __init__(self, prompt_tokens: int, limit_tokens: int, *, at_least: bool = False) -> None:
        """`at_least`: the prompt was not counted to its end."""
        counted = f"{'at least ' if at_least else ''}{prompt_tokens}"
        super().__init__(
            f"The prompt has {counted} tokens; this model takes at most {limit_tokens}. "
            "Shorten the conversation or set truncate_sequence.",
            param="messages",
        )
        self.prompt_tokens = prompt_tokens
        self.limit_tokens = limit_tokens


class EngineOverloaded(EngineError):
    """Too many requests are waiting; try again later."""


class WorkerDied(EngineError):
    """The model's worker process ended while the request was running."""


def _rebuild(kind: type[EngineError], message: str, attributes: dict[str, object]) -> EngineError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(attributes)
    return error
