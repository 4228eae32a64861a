"""The questions that wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass

from textual.containers import Vertical
from textual.message import Message

from tui.widgets.approval import ApprovalPrompt


class Approvals(Vertical):
    """Shows one question after the other."""

    @dataclass
    class Changed(Message):
        asking: bool

    async def ask(self, prompt: ApprovalPrompt) -> None:
        await self.mount(prompt)
        self._show_first()

    async def settle(self, approval_id: str) -> None:
        """The question was answered, here or elsewhere."""
        for prompt in self.query(ApprovalPrompt):
            if prompt.request.approval_id == approval_id:
                await prompt.remove()
        self._show_first()

    async def clear(self) -> None:
        await self.remove_children()
        self._show_first()

    def _show_first(self) -> None:
        prompts = list(self.query(ApprovalPrompt))
        for prompt in prompts:
            prompt.display = prompt is prompts[0]
        self.post_message(self.Changed(bool(prompts)))
        if prompts:
            prompts[0].focus()
