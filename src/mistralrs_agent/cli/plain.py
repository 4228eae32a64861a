"""Chat on standard input and output: one answer (`run -i`), or line by line (`run --plain`)."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import TextIO

import click

from engine.errors import EngineError
from mistralrs_agent.agent.conversation import Conversation
from mistralrs_agent.agent.events import (
    ApprovalRequested,
    CallReady,
    ContextShortened,
    Decision,
    Event,
    FileMissing,
    FileProduced,
    Finished,
    Permission,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolOutput,
)
from mistralrs_agent.agent.local_files import listing, mentioned_files, save_file
from mistralrs_agent.errors import UserError

HELP = """\
/help               this list
/clear              start over, with an empty history and a fresh interpreter
/permission [MODE]  show or set what happens before a tool runs: auto, ask or deny
/python TEXT        send TEXT; the model must run Python first
/search TEXT        send TEXT; the model must search the web first
/tool NAME TEXT     send TEXT; the model must call the tool NAME first
/sandbox            what stands around the tools that run code
/files              list the files of this chat
/save NAME [FOLDER] save a file of this chat to your disk
/exit               leave (or Ctrl-D)
@PATH in a message sends that file along.
Ctrl-C stops an answer."""

_SHORT_NAMES = {"/python": "mistralrs_execute_python", "/search": "mistralrs_search_the_web"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Text of models and tools must not steer the terminal."""


class Transcript:
    """Writes the events of turns: the answer to one stream, everything around it, dimmed, to another."""

    def __init__(self, answers: TextIO, notes: TextIO) -> None:
        self._answers = answers
        self._notes = notes
        self._in_line = False
        """Whether the last thing written did not end its line."""
        self._live_output: dict[str, str] = {}
        """What running calls have already shown, by call."""

    def show(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._write(text, self._answers)
            case ThinkingDelta(text=text):
                self._write(text, self._notes)
            case ContextShortened():
                self.note("[The conversation grew too long for the model: its past was shortened.]")
            case CallReady(card=card):
                self.note(f"> {card.title}")
                self.note(card.body)
            case ToolOutput(call_id=call_id, text=text):
                self._live_output[call_id] = self._live_output.get(call_id, "") + text
                self._write(text, self._notes)
            case FileProduced(file=file):
                self.note(f"file: {file.path} ({file.size} bytes)")
            case FileMissing(name=name):
                self.note(f"{name} was not made")
            case ToolFinished(call=call, result=result, duration_s=duration_s):
                already_shown = self._live_output.pop(call.id, "").rstrip("\n")
                self.note(result.card.body.removeprefix(already_shown).strip("\n"))
                self.note(f"< {result.card.title} ({'' if result.ok else 'failed, '}{duration_s:.1f} s)")
            case Finished():
                self._end_line()
                self.note(_statistics(event))
            case _:
                pass

    def note(self, text: str) -> None:
        """A line about the conversation, on a line of its own."""
        if text:
            self._end_line()
            self._write(text.rstrip("\n") + "\n", self._notes)

    def _write(self, text: str, stream: TextIO) -> None:
        text = _CONTROL.sub("", text)
        if text:
            click.echo(text if stream is self._answers else click.style(text, dim=True), file=stream, nl=False)
            self._in_line = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._in_line:
            click.echo(file=self._answers)
            self._in_line = False


def _statistics(event: Finished) -> str:
    usage = event.usage
    speed = f", {(usage.completion_tokens - 1) / usage.decode_s:.1f} tokens/s" if usage.decode_s > 0 else ""
    reason = f"; ended by {event.stop_detail or event.reason}" if event.stop_detail or event.reason != "stop" else ""
    return f"[{usage.prompt_tokens} + {usage.completion_tokens} tokens{speed}{reason}]"


async def _turn(conversation: Conversation, transcript: Transcript, text: str, force_tool: str | None = None) -> None:
    """Send one message, with the files it names, and show what happens. Cancelling this cancels the turn."""
    files = mentioned_files(text)
    for file in files:
        transcript.note(f"file: {file.name} ({len(file.body)} bytes)")
    async with aclosing(conversation.send(text, force_tool=force_tool, files=files)) as events:
        async for event in events:
            transcript.show(event)
            if isinstance(event, ApprovalRequested):
                decision = await _ask(event, transcript)
                await conversation.decide(event.approval_id, decision)


async def _ask(request: ApprovalRequested, transcript: Transcript) -> Decision:
    """Ask the person at the terminal whether a call may run; without a terminal the answer is no."""
    if not sys.stdin.isatty():
        transcript.note("denied: there is no terminal to ask at")
        return Decision(approve=False, message="Nobody is there to approve this.")
    while True:
        transcript.note(f"{request.tool.label}: run this? [y]es, [n]o, [a]lways for this session")
        match (await _typed_line()).strip().lower():
            case "y" | "yes":
                return Decision(approve=True)
            case "a" | "always":
                return Decision(approve=True, remember=True)
            case "n" | "no":
                return Decision(approve=False, message="The user refused.")
            case _:
                continue


async def _typed_line() -> str:
    """A line from the terminal, while the event loop goes on."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    if line := sys.stdin.readline():
        return line
    return "n"  # end of input


async def answer_once(conversation: Conversation, text: str) -> None:
    """Print the answer to one message on standard output, and what happened on the way on standard error."""
    await _turn(conversation, Transcript(sys.stdout, sys.stderr), text)


def chat(runner: asyncio.Runner, conversation: Conversation, read_line: Callable[[str], str] = input) -> None:
    """Read and answer lines until the end of input or `/exit`. Ctrl-C stops a turn, at the prompt it leaves."""
    transcript = Transcript(sys.stdout, sys.stdout)
    info = conversation.info
    transcript.note(f"{info.model_id} ({info.detail}). {info.notice}")
    transcript.note(f"Tools: {', '.join(info.tools) or 'none'}. {info.sandbox}")
    transcript.note("/help lists the commands.")
    while True:
        try:
            line = read_line("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            transcript.note(" ")
            return
        if line == "/exit":
            return
        try:
            runner.run(_obey(conversation, transcript, line))
        except KeyboardInterrupt:
            transcript.note("stopped")
        except (UserError, EngineError) as error:
            transcript.note(f"error: {error}")


async def _obey(conversation: Conversation, transcript: Transcript, line: str) -> None:
    """One line of the person: a command or a message."""
    command, _, rest = line.partition(" ")
    match command:
        case "":
            return
        case "/help" | "/sandbox" | "/files":
            transcript.note(await _told(conversation, command))
        case "/clear":
            await conversation.reset()
            transcript.note("The history is empty.")
        case "/permission":
            await _permission(conversation, transcript, rest.strip())
        case "/python" | "/search":
            await _force(conversation, transcript, _SHORT_NAMES[command], rest)
        case "/save":
            transcript.note(f"saved {await save_file(conversation, rest.strip())}")
        case "/tool":
            name, _, text = rest.strip().partition(" ")
            await _force(conversation, transcript, name, text)
        case _ if command.startswith("/"):
            raise UserError(f"{command} is not a command; /help lists them")
        case _:
            await _turn(conversation, transcript, line)


async def _told(conversation: Conversation, command: str) -> str:
    """What a command that only asks is answered."""
    if command == "/files":
        return listing(await conversation.files())
    return HELP if command == "/help" else f"{conversation.info.sandbox}\n{conversation.info.sandbox_table}"


async def _force(conversation: Conversation, transcript: Transcript, tool: str, text: str) -> None:
    if tool not in conversation.info.tools:
        known = ", ".join(conversation.info.tools) or "none"
        raise UserError(f"there is no tool {tool!r} in this chat; the tools are: {known}")
    if not text.strip():
        raise UserError("write a message after the command; /help shows how")
    await _turn(conversation, transcript, text.strip(), force_tool=tool)


async def _permission(conversation: Conversation, transcript: Transcript, mode: str) -> None:
    if mode:
        if mode not in list(Permission):
            raise UserError(f"{mode!r} is not a permission; write auto, ask or deny")
        await conversation.set_permission(Permission(mode))
    transcript.note(f"Permission: {conversation.permission}")
