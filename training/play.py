"""Plays requests into conversations: code and commands are really run, in the sandbox they are run in when served."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from engine import Message, ToolCall, ToolSpec
from mistralrs_agent.agent.attachments import PREVIEW_CHARS
from mistralrs_agent.storage.files import StoredFile
from mistralrs_agent.tools.base import ToolContext
from mistralrs_agent.tools.file_text import attachment_note
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import PythonTool
from mistralrs_agent.tools.shell import ShellTool
from sandbox import SandboxPolicy
from sandbox.files import CLOCK_STEP_NS
from training.ask import Ask, Call
from training.toolsets import Toolset

LONGEST_OUTPUT = 400
DAY = """
import datetime, random
random.seed({seed})
class _Date(datetime.date):
    @classmethod
    def today(cls):
        return cls({y}, {m}, {d})
class _Time(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls({y}, {m}, {d}, {hour}, {minute})
datetime.date, datetime.datetime = _Date, _Time
"""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is learned from."""

    family: str
    tools: tuple[ToolSpec, ...]
    messages: tuple[Message, ...]
    learned: tuple[int, ...]
    """Which of the messages the model is to write so."""
    by_base: frozenset[int] = frozenset()
    """Which of these the base model wrote, when it was asked nothing but the message before."""


class Unplayable(Exception):
    """A request whose code did not give what the answer needs."""


class Player:
    """Plays conversations, each in an interpreter of its own."""

    def __init__(self) -> None:
        self._interpreters = Interpreters(SandboxPolicy(network="none"))
        self._python = PythonTool(self._interpreters, "")
        self._shell = ShellTool(self._interpreters, "", 60)

    async def play(self, number: int, tools: Toolset, asks: Sequence[Ask], rng: random.Random) -> Conversation:
        """The turns of one conversation. Raises: Unplayable."""
        session = f"play-{number}"
        messages: list[Message] = [Message("system", tools.system)] if tools.system else []
        learned: list[int] = []
        by_base: list[int] = []
        day = next((ask.today for ask in asks if ask.today), None)
        try:
            if any(call.result is None for ask in asks for one in ask.rounds for call in one.calls):
                await self._prepare(session, asks, day, rng)
            for ask in asks:
                notes = _notes(ask) if tools.attached else ()
                messages.append(Message("user", "\n\n".join([*notes, ask.question])))
                printed: list[str] = []
                for one in ask.rounds:
                    calls = [_tool_call(call, n, len(messages), tools) for n, call in enumerate(one.calls)]
                    learned += [len(messages)] if one.learned else []
                    messages.append(Message("assistant", "", tuple(calls)))
                    printed = []
                    for call, tool_call in zip(one.calls, calls, strict=True):
                        content = call.result if call.result is not None else await self._run(session, call, tools)
                        printed += [text] if (text := _printed(content)) and call.kind in ("python", "shell") else []
                        messages.append(Message("tool", content, tool_call_id=tool_call.id, name=tool_call.name))
                learned.append(len(messages))
                by_base += [len(messages)] if ask.by_base else []
                messages.append(Message("assistant", _answer(ask, printed)))
        finally:
            await self._interpreters.end(session)
        return Conversation(asks[0].family, tools.specs, tuple(messages), tuple(learned), frozenset(by_base))

    async def _prepare(self, session: str, asks: Sequence[Ask], day: date | None, rng: random.Random) -> None:
        """Files, chance and the day, before anything is asked."""
        facts = {"seed": rng.randrange(10**6), "hour": rng.randrange(24), "minute": rng.randrange(60)}
        async with self._interpreters.use(session) as opened:
            for ask in asks:
                for name, text in ask.files.items():
                    (opened.working_directory / name).write_text(text, "utf-8")
            if any(ask.files for ask in asks):  # else they may count as made by the first call
                await asyncio.sleep(2 * CLOCK_STEP_NS / 1e9)
            if day is not None:
                await opened.run(DAY.format(y=day.year, m=day.month, d=day.day, **facts))
            else:
                await opened.run(f"import random\nrandom.seed({facts['seed']})\ndel random")

    async def _run(self, session: str, call: Call, tools: Toolset) -> str:
        context = ToolContext(session, "", lambda stream, text: None)
        if call.kind == "python":
            result = await self._python.run({"code": call.text}, context)
        else:
            result = await self._shell.run({"commands": [call.text]}, context)
        return result.content if not tools.renamed else json.loads(result.content).get("stdout") or result.content


def _notes(ask: Ask) -> list[str]:
    """What a server says of the files that come with a message."""
    notes: list[str] = []
    for name, text in ask.files.items():
        kind = mimetypes.guess_type(name)[0] or "text/plain"
        stored = StoredFile("", "", name, kind, "user_data", 0.0, len(text.encode()))
        notes.append(attachment_note(stored, text, PREVIEW_CHARS))
    return notes


def _tool_call(call: Call, position: int, at: int, tools: Toolset) -> ToolCall:
    call_id = f"call_{at}_{position}"
    if call.kind == "own":
        return ToolCall(call_id, call.name, json.dumps(call.arguments, ensure_ascii=False))
    name, argument = tools.names[call.kind]
    value = [call.text] if call.kind == "shell" else call.text
    return ToolCall(call_id, name, json.dumps({argument: value}, ensure_ascii=False))


def _printed(content: str) -> str:
    try:
        fields = json.loads(content)
    except ValueError:
        return content.strip()
    return str(fields.get("stdout", "")).strip() if isinstance(fields, dict) else content.strip()


def _answer(ask: Ask, printed: list[str]) -> str:
    if ask.no_output or "{0}" not in ask.answer:
        return ask.answer
    text = "\n".join(printed)
    if not text or len(text) > LONGEST_OUTPUT:
        raise Unplayable(f"{ask.family}: printed {text[:80]!r}")
    lines = text.split("\n")
    if "{1}" not in ask.answer:
        return ask.answer.replace("{0}", text)
    answer = ask.answer
    for n in range(3):
        if f"{{{n}}}" in answer and n >= len(lines):
            raise Unplayable(f"{ask.family}: printed {len(lines)} line(s)")
        answer = answer.replace(f"{{{n}}}", lines[n] if n < len(lines) else "")
    return answer
