"""Model, permission, speed, context, address and sandbox in one line."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal

from mistralrs_agent.agent.conversation import ConversationInfo
from mistralrs_agent.agent.events import Finished, Permission
from tui.text import count
from tui.widgets.plain import Plain

CONTEXT_WARNING = 0.8
"""From this share of the context on, its use is shown as a warning."""
GAP = 3
"""Columns between fields, as the style sheet has them."""


class StatusLine(Horizontal):
    """Facts that stay in sight; where they do not fit, whole ones are left out."""

    def __init__(self, info: ConversationInfo) -> None:
        super().__init__()
        self._context_tokens = info.context_tokens
        self._has_tools = bool(info.tools)
        self._model, self._permission, self._fill, self._speed, self._endpoint, self._sandbox = self._fields = [
            Plain(classes=name) for name in ("model", "permission", "context", "speed", "endpoint", "sandbox")
        ]
        self._texts = {
            self._model: info.model_id.rpartition("/")[2],
            self._endpoint: info.endpoint,
            self._sandbox: info.sandbox.partition(":")[0] if info.tools else "",
        }

    def compose(self) -> ComposeResult:
        yield from self._fields

    def on_resize(self) -> None:
        self._show_what_fits()

    def show_permission(self, permission: Permission) -> None:
        self._tell(self._permission, f"tools: {permission}" if self._has_tools else "no tools")

    def show_turn(self, finished: Finished) -> None:
        """The speed of the last turn, and how full the context is after it."""
        usage = finished.usage
        decoded = usage.completion_tokens - finished.rounds  # the first token of a round belongs to its prefill
        known = usage.decode_s > 0 and decoded > 0
        self._tell(self._speed, f"{decoded / usage.decode_s:.1f} tokens/s" if known else "")
        self.show_context(finished.context_tokens or (usage.total_tokens if finished.rounds == 1 else 0))

    def show_context(self, tokens: int) -> None:
        """0: unknown."""
        share = tokens / self._context_tokens if self._context_tokens else 0.0
        self._tell(self._fill, f"{share:.0%} of {count(self._context_tokens)} context" if share else "")
        self._fill.set_class(share >= CONTEXT_WARNING, "-nearly-full")

    def _tell(self, field: Plain, text: str) -> None:
        self._texts[field] = text
        self._show_what_fits()

    def _show_what_fits(self) -> None:
        room = self.content_size.width
        for field in (self._permission, self._fill, self._model, self._speed, self._endpoint, self._sandbox):
            text = self._texts.get(field, "")
            field.display = 0 < cell_len(text) <= room
            if field.display:
                field.show(text)
                room -= cell_len(text) + GAP
