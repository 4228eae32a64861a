"""The terminal app: a chat on top of any `Conversation`, local or remote."""

from __future__ import annotations

from tui.app import ChatApp

__all__ = ["ChatApp"]
