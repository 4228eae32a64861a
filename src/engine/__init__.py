"""Runs models: speaks tokens, tensors and messages. Knows nothing of HTTP, terminals or tools.

Public names are listed here and imported when first used, so that `import engine` costs nothing and light callers
(options, the terminal app) never load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.adapters.asked import AdapterInfo, AdapterStatus, LoadAdapter, UnloadAdapter
    from engine.chat.local import LocalChatModel, open_model
    from engine.chat.messages import Message, ToolCall, ToolChoice, ToolSpec
    from engine.chat.model import (
        ChatModel,
        ChatRequest,
        ReplyEvent,
        ReplyFinished,
        TextDelta,
        ThinkingDelta,
        ToolCallArguments,
        ToolCallStarted,
    )
    from engine.chat.scripted import ScriptedModel
    from engine.errors import (
        AdapterError,
        ContextOverflow,
        CorruptModel,
        EngineError,
        EngineOverloaded,
        InvalidRequest,
        ModelLoadError,
        ModelNotFound,
        UnsupportedModel,
        WorkerDied,
    )
    from engine.options import ModelOptions
    from engine.request import (
        Constraint,
        Delta,
        EngineStats,
        FinishReason,
        ModelInfo,
        Request,
        SamplingParams,
        TokenLogprob,
        Usage,
    )

_HOME = {
    "engine.chat.local": ("LocalChatModel", "open_model"),
    "engine.chat.messages": ("Message", "ToolCall", "ToolChoice", "ToolSpec"),
    "engine.chat.model": (
        "ChatModel",
        "ChatRequest",
        "ReplyEvent",
        "ReplyFinished",
        "TextDelta",
        "ThinkingDelta",
        "ToolCallArguments",
        "ToolCallStarted",
    ),
    "engine.chat.scripted": ("ScriptedModel",),
    "engine.adapters.asked": ("AdapterInfo", "AdapterStatus", "LoadAdapter", "UnloadAdapter"),
    "engine.errors": (
        "AdapterError",
        "ContextOverflow",
        "CorruptModel",
        "EngineError",
        "EngineOverloaded",
        "InvalidRequest",
        "ModelLoadError",
        "ModelNotFound",
        "UnsupportedModel",
        "WorkerDied",
    ),
    "engine.options": ("ModelOptions",),
    "engine.request": (
        "Constraint",
        "Delta",
        "EngineStats",
        "FinishReason",
        "ModelInfo",
        "Request",
        "SamplingParams",
        "TokenLogprob",
        "Usage",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AdapterError",
    "AdapterInfo",
    "AdapterStatus",
    "ChatModel",
    "ChatRequest",
    "Constraint",
    "ContextOverflow",
    "CorruptModel",
    "Delta",
    "EngineError",
    "EngineOverloaded",
    "EngineStats",
    "FinishReason",
    "InvalidRequest",
    "LoadAdapter",
    "LocalChatModel",
    "Message",
    "ModelInfo",
    "ModelLoadError",
    "ModelNotFound",
    "ModelOptions",
    "ReplyEvent",
    "ReplyFinished",
    "Request",
    "SamplingParams",
    "ScriptedModel",
    "TextDelta",
    "ThinkingDelta",
    "TokenLogprob",
    "ToolCall",
    "ToolCallArguments",
    "ToolCallStarted",
    "ToolChoice",
    "ToolSpec",
    "UnloadAdapter",
    "UnsupportedModel",
    "Usage",
    "WorkerDied",
    "open_model",
]


def __getattr__(name: str) -> Any:
    try:
        module = _MODULE_OF[name]
    except KeyError:
        raise AttributeError(f"module 'engine' has no attribute {name!r}") from None
    return getattr(import_module(module), name)
