"""Model, permission, speed, context, address and sandbox in one line."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from mistralrs_agent.agent.conversation import ConversationInfo
from mistralrs_agent.agent.events import Finished, Permission
from tui.text import count
from tui.widgets.plain import Plain

CONTEXT_WARNING = 0.8
"""From this share of the context on, its use is shown as a warning."""


class StatusLine(Horizontal):
    """Facts that stay in sight; the style sheet leaves out the last ones on narrow terminals."""

    def __init__(self, info: ConversationInfo) -> None:
        super().__init__()
        self._context_tokens = info.context_tokens
        self._has_tools = bool(info.tools)
        self._model = Plain(info.model_id.rpartition("/")[2], classes="model")
        self._permission = Plain(classes="permission")
        self._speed = Plain(classes="speed")
        self._fill = Plain(classes="context")
        self._sandbox = Plain(info.sandbox.partition(":")[0] if info.tools else "", classes="sandbox")
        self._endpoint = Plain(info.endpoint, classes="endpoint")

    def compose(self) -> ComposeResult:
        yield self._model
        yield self._permission
        yield self._fill
        yield self._speed
        yield self._endpoint
        yield self._sandbox

    def on_mount(self) -> None:
        self._speed.display = self._fill.display = False

    def show_permission(self, permission: Permission) -> None:
        self._permission.show(f"tools: {permission}" if self._has_tools else "no tools")

    def show_turn(self, finished: Finished) -> None:
        """The speed of the last turn, and how full the context is after it."""
        usage = finished.usage
        decoded = usage.completion_tokens - finished.rounds  # the first token of a round belongs to its prefill
        self._speed.show(f"{decoded / usage.decode_s:.1f} tokens/s" if usage.decode_s > 0 and decoded > 0 else "")
        self._speed.display = usage.decode_s > 0 and decoded > 0
        self.show_context(finished.context_tokens or (usage.total_tokens if finished.rounds == 1 else 0))

    def show_context(self, tokens: int) -> None:
        """0: unknown."""
        share = tokens / self._context_tokens if self._context_tokens else 0.0
        self._fill.show(f"{share:.0%} of {count(self._context_tokens)} context")
        self._fill.display = bool(share)
        self._fill.set_class(share >= CONTEXT_WARNING, "-nearly-full")
