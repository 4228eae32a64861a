"""May this run? Asked above the prompt, answered with one key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message

from mistralrs_agent.agent.events import ApprovalRequested, Decision
from tui.keys import APPROVAL_KEYS
from tui.text import revealed
from tui.widgets.code import Code
from tui.widgets.plain import Plain

DEAF_S = 0.5
"""Keys are ignored this long, so that what someone was typing cannot answer."""

DECISIONS = {
    "yes": Decision(approve=True),
    "no": Decision(approve=False, message="The user denied this call."),
    "always": Decision(approve=True, remember=True),
}


class ApprovalPrompt(Vertical, can_focus=True):
    """Shows everything that would run and takes the decision."""

    BINDINGS: ClassVar[list[BindingType]] = [*APPROVAL_KEYS]

    @dataclass
    class Decided(Message):
        prompt: ApprovalPrompt
        decision: Decision

    def __init__(self, request: ApprovalRequested, clock: Callable[[], float]) -> None:
        super().__init__()
        self.request = request
        self._clock = clock
        self._asked_at = 0.0
        self._view = VerticalScroll(can_focus=False)

    def compose(self) -> ComposeResult:
        card, label = self.request.card, self.request.tool.label
        what = label if card.title in label else f"{label}: {card.title}"
        yield Plain(f"Allow this? {what}", classes="question")
        with self._view:
            if card.body:
                yield Code(card.body.strip("\n"), card.language)
            for line in _other_arguments(self.request.arguments, card.body):
                yield Plain(line)
        yield Plain("y yes    n no    a always in this session    Esc stop the answer", classes="keys")

    def open(self) -> None:
        """It is this question's turn."""
        self._asked_at = self._clock()
        self.display = True
        self.focus()

    def action_decide(self, answer: str) -> None:
        if self._clock() - self._asked_at >= DEAF_S:
            self.post_message(self.Decided(self, DECISIONS[answer]))

    def action_scroll(self, lines: int) -> None:
        self._view.scroll_relative(y=lines, animate=False)


def _other_arguments(arguments: Mapping[str, Any], body: str) -> list[str]:
    """The arguments that the card's body does not show."""
    shown = body.strip("\n")
    return [
        revealed(f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
        for name, value in arguments.items()
        if not (isinstance(value, str) and value.strip("\n") == shown)
    ]
