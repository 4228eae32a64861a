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
        prompt.display = False
        await self.mount(prompt)
        self._open_first()

    async def settle(self, approval_id: str) -> None:
        """The question was answered, here or elsewhere."""
        for prompt in self.query(ApprovalPrompt):
            if prompt.request.approval_id == approval_id:
                await prompt.remove()
        self._open_first()

    async def clear(self) -> None:
        await self.remove_children()
        self._open_first()

    def _open_first(self) -> None:
        prompts = list(self.query(ApprovalPrompt))
        self.post_message(self.Changed(bool(prompts)))
        if prompts and not prompts[0].display:
            prompts[0].open()
