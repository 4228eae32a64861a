"""A conversation that plays scripts: the double behind all tests of the terminal app.

Each turn is a sequence of steps. An event is passed on, an exception raised, an `asyncio.Event` waited for, and a
question (`ApprovalRequested`) holds the turn until it is decided, as the real gate does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence

from engine import FinishReason, TextDelta, ToolCall, Usage
from mistralrs_agent.agent.conversation import ConversationInfo
from mistralrs_agent.agent.events import (
    ApprovalRequested,
    ApprovalResolved,
    CallReady,
    Card,
    Decision,
    Event,
    Finished,
    Permission,
    RoundStarted,
    ToolFinished,
    ToolMetadata,
    ToolResult,
    TurnStarted,
)
from mistralrs_agent.errors import UserError
from mistralrs_agent.storage.files import InputFile, StoredFile
from mistralrs_agent.tools.base import ToolKind, ToolSource

Step = Event | BaseException | asyncio.Event

INFO = ConversationInfo(
    model_id="SmolLM2-135M-Instruct",
    detail="LlamaForCausalLM, Q4_1, cpu, native avx512",
    notice="This is a small demonstration model: expect simple answers and mistakes. Choose another one with -m.",
    context_tokens=8192,
    tools=(
        "mistralrs_execute_python",
        "mistralrs_reset_python_session",
        "mistralrs_search_the_web",
        "mistralrs_website_content_extractor",
    ),
    sandbox="sandbox on: guards files, network, processes; network none",
    endpoint="http://127.0.0.1:1234",
    sandbox_table=(
        "namespaces     on   own processes, IPC, host name and cgroup view\n"
        "own root       on   only the system, the interpreter and the working directory\n"
        "landlock       OFF  Operation not supported\n"
        "                    -> use Linux 5.13 or newer with Landlock among its security modules (lsm=landlock,...)"
    ),
)
PYTHON = ToolMetadata(ToolSource.BUILT_IN, ToolKind.CODE_EXECUTION, "Python code")
CODE = "from math import sqrt\n\nfor n in range(3):\n    print(n, sqrt(n))  # [bold]not markup[/]"
CALL = ToolCall("call_1", "mistralrs_execute_python", '{"code": "…"}')
CALL_READY = CallReady(CALL, 0, PYTHON, Card("Python", CODE, "python"), {"tool_type": "code_execution"})
QUESTION = ApprovalRequested("appr_1", "s", "call_1", 0, PYTHON, {"code": CODE}, Card("Python", CODE, "python"))


def words(text: str) -> list[Event]:
    """The text in many small deltas."""
    return [TextDelta(text[i : i + 7]) for i in range(0, len(text), 7)]


def answer(text: str, *, reason: FinishReason = FinishReason.STOP) -> list[Step]:
    """A whole turn of one round."""
    return [TurnStarted("s"), RoundStarted(0), *words(text), finished(text, reason=reason)]


def finished(text: str = "", *, reason: FinishReason = FinishReason.STOP, rounds: int = 1) -> Finished:
    usage = Usage(prompt_tokens=900, completion_tokens=301, prefill_s=0.5, decode_s=10.0)
    return Finished(reason, "s", text, usage, rounds)


def call_finished(output: str, *, ok: bool = True, images: tuple[bytes, ...] = ()) -> ToolFinished:
    card = Card("Done" if ok else "ZeroDivisionError: division by zero", output)
    return ToolFinished(CALL, 0, ToolResult("{}", card, ok=ok, images=images), 0.012)


class ScriptedConversation:
    """Implements `Conversation`; records what the app did to it."""

    def __init__(self, turns: Iterable[Sequence[Step]] = (), *, info: ConversationInfo = INFO) -> None:
        self._turns = iter(turns)
        self._answered = asyncio.Event()
        self.info = info
        self.permission = Permission.ASK
        self.floor = Permission.AUTO
        self.sent: list[tuple[str, str | None]] = []
        """Text and forced tool of every turn."""
        self.sent_files: list[list[InputFile]] = []
        """Of every turn."""
        self.stored: list[tuple[StoredFile, bytes]] = []
        """Files of the conversation."""
        self.decisions: list[tuple[str, Decision]] = []
        self.closed_early = 0
        """Turns whose reader left before the end."""
        self.resets = 0

    async def set_permission(self, permission: Permission) -> None:
        if permission.stricter(self.floor) is not permission:
            raise UserError(f"permission '{permission}' is not allowed here: the server's is '{self.floor}'")
        self.permission = permission

    async def send(
        self, text: str, *, force_tool: str | None = None, files: Sequence[InputFile] = ()
    ) -> AsyncGenerator[Event, None]:
        self.sent.append((text, force_tool))
        self.sent_files.append(list(files))
        try:
            for step in next(self._turns):
                match step:
                    case asyncio.Event():
                        await step.wait()
                    case BaseException():
                        raise step
                    case ApprovalRequested():
                        self._answered.clear()
                        yield step
                        await self._answered.wait()
                        yield ApprovalResolved(step.approval_id, step.call_id, self.decisions[-1][1])
                    case _:
                        yield step
        except (GeneratorExit, asyncio.CancelledError):
            self.closed_early += 1
            raise

    async def decide(self, approval_id: str, decision: Decision) -> None:
        self.decisions.append((approval_id, decision))
        self._answered.set()

    async def files(self) -> Sequence[StoredFile]:
        return [file for file, _ in self.stored]

    async def file_contents(self, file: StoredFile) -> bytes:
        return next(body for other, body in self.stored if other.id == file.id)

    async def reset(self) -> None:
        self.resets += 1

    async def close(self) -> None:
        pass
