"""The top of a new chat."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from mistralrs_agent.agent.conversation import ConversationInfo
from tui.widgets.plain import Plain


class Welcome(Vertical):
    """Who answers here, what it may do, and where to start."""

    def __init__(self, info: ConversationInfo) -> None:
        super().__init__()
        self._info = info

    def compose(self) -> ComposeResult:
        info = self._info
        yield Plain(info.model_id, classes="model")
        yield Plain(info.detail, classes="detail")
        if info.notice:
            yield Plain(info.notice, classes="notice")
        facts = {"Tools": ", ".join(info.tools) or "none", "Isolation": info.sandbox, "Server": info.endpoint}
        with Vertical(classes="facts"):
            for name, fact in facts.items():
                if fact:
                    yield Horizontal(Plain(name, classes="name"), Plain(fact, classes="fact"))
        yield Plain("Write a message and press Enter. /help lists commands and keys.", classes="hint")
