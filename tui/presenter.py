"""Events of a turn to widgets: the one place that knows both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine import FinishReason, TextDelta, ThinkingDelta, ToolCallArguments, ToolCallStarted
from mistralrs_agent.agent.events import (
    ApprovalRequested,
    ApprovalResolved,
    CallReady,
    ContextShortened,
    Event,
    FileMissing,
    FileProduced,
    Finished,
    RoundStarted,
    StopDetail,
    ToolFinished,
    ToolOutput,
    TurnStarted,
)
from tui.images import ImageFolder
from tui.widgets.activity import Activity
from tui.widgets.answer import Answer
from tui.widgets.approval import ApprovalPrompt
from tui.widgets.approvals import Approvals
from tui.widgets.notes import Note
from tui.widgets.status_line import StatusLine
from tui.widgets.thinking import Thinking
from tui.widgets.tool_card import ToolCard
from tui.widgets.transcript import Transcript


@dataclass
class Presenter:
    """Shows one turn. Close it however the turn ends."""

    transcript: Transcript
    approvals: Approvals
    activity: Activity
    status: StatusLine
    images: ImageFolder
    clock: Callable[[], float]
    _answer: Answer | None = None
    _thinking: Thinking | None = None
    _cards: dict[str, ToolCard] = field(default_factory=dict[str, ToolCard])
    """By call id."""

    async def show(self, event: Event) -> None:  # noqa: C901 - one flat match over all events
        match event:
            case TurnStarted() | ToolCallArguments():
                pass
            case RoundStarted():
                await self._end_reply()
                self.activity.doing = "Reading"
            case ContextShortened():
                await self.transcript.add(Note("The conversation grew too long for the model: its past was shortened."))
            case ThinkingDelta():
                await self._think(event.text)
            case TextDelta():
                await self._write(event.text)
            case ToolCallStarted():
                await self._end_reply()
                await self._card(event.call_id, event.name)
                self.activity.doing = "Writing a call"
            case CallReady():
                await self._end_reply()
                (await self._card(event.call.id, event.call.name)).show_call(event.card)
                self.activity.doing = f"Running: {event.tool.label}"
            case ApprovalRequested():
                self._cards[event.call_id].wait()
                await self.approvals.ask(ApprovalPrompt(event, self.clock))
                self.activity.doing = "Waiting for you"
            case ApprovalResolved():
                await self.approvals.settle(event.approval_id)
                self._cards[event.call_id].go_on()
                self.activity.doing = "Running"
            case ToolOutput():
                self._cards[event.call_id].write(event.text)
            case FileProduced():
                (await self._card(event.call_id, "")).made(f"File: {event.file.path} ({event.file.size:,} bytes)")
            case FileMissing():
                await self.transcript.add(Note(f"{event.name} was not made."))
            case ToolFinished():
                card = await self._card(event.call.id, event.call.name)
                card.finish(event, self.images.save(event.result.images))
            case Finished():
                await self._end_reply()
                await self._conclude(event)

    async def close(self) -> None:
        """Bring everything to rest; what the turn left unfinished is marked as stopped."""
        await self._end_reply()
        await self.approvals.clear()
        for card in self._cards.values():
            card.stop()
        self.activity.doing = ""

    async def _think(self, text: str) -> None:
        if self._thinking is None:
            self._thinking = Thinking(self.clock)
            await self.transcript.add(self._thinking)
            self.activity.doing = "Thinking"
        self._thinking.write(text)

    async def _write(self, text: str) -> None:
        if self._answer is None:
            if not text.strip():
                return
            await self._end_reply()
            self._answer = Answer()
            await self.transcript.add(self._answer)
            self.activity.doing = "Answering"
        await self._answer.write(text)

    async def _end_reply(self) -> None:
        """What comes next stands below what was said so far."""
        if self._thinking is not None:
            self._thinking.finish()
            self._thinking = None
        if self._answer is not None:
            await self._answer.finish()
            self._answer = None

    async def _card(self, call_id: str, tool_name: str) -> ToolCard:
        if call_id not in self._cards:
            self._cards[call_id] = ToolCard(tool_name)
            await self.transcript.add(self._cards[call_id])
        return self._cards[call_id]

    async def _conclude(self, event: Finished) -> None:
        self.status.show_turn(event)
        if remark := _remark(event):
            await self.transcript.add(Note(remark))


def _remark(event: Finished) -> str:
    """What the reader should know about how the turn ended; empty when it simply ended."""
    if event.stop_detail is StopDetail.ROUND_LIMIT:
        return f"The limit of tool rounds was reached ({event.rounds} rounds)."
    if event.stop_detail is StopDetail.REPEATED_CALL:
        return "The same call failed again and again: the answer was given without it."
    match event.reason:
        case FinishReason.LENGTH:
            return "The answer was cut off: it reached the token limit."
        case FinishReason.CANCELED:
            return "Stopped."
        case FinishReason.ERROR:
            return "The answer broke off: the model failed."
        case _:
            return "" if event.text.strip() else "The model gave no answer."
