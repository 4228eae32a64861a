"""Chatting line by line: what is printed, what is asked, what Ctrl-C stops."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Iterable, Iterator
from typing import Any

import click
import pytest

from engine import ChatRequest, ToolCall, ToolSpec
from engine.chat.scripted import Reply, ScriptedModel, call, text, thinking
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import Permission, ToolFinished, ToolOutput
from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.cli import plain
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.toolbox import Toolbox


class Shout:
    """A tool with live output."""

    spec = ToolSpec("shout", "Say it loudly.", {"type": "object", "properties": {"word": {"type": "string"}}})
    metadata = ToolMetadata(ToolSource.USER, ToolKind.CUSTOM, "Shouting")

    def call_card(self, arguments: Any) -> Card:
        return Card("Shout", arguments["word"])

    async def run(self, arguments: Any, context: ToolContext) -> ToolResult:
        loud = arguments["word"].upper()
        context.emit("stdout", f"{loud}\n")
        return ToolResult(loud, Card("Shouted", f"{loud}\nechoes: 2"))

    async def end_session(self, session_id: str) -> None:
        pass


def conversation(*replies: Reply, permission: Permission = Permission.AUTO) -> LocalConversation:
    toolbox = Toolbox([Shout()])
    sessions = Sessions(SessionStore(), toolbox.end_session)
    agent = Agent(ScriptedModel(replies), toolbox, AgentSettings(permission=permission), sessions)
    return LocalConversation(agent, "No sandbox.")


def chat(talk: LocalConversation, lines: Iterable[str]) -> None:
    """Type these lines, then end the input."""
    typed: Iterator[str] = iter(lines)

    def read_line(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    with asyncio.Runner() as runner:
        plain.chat(runner, talk, read_line)


async def test_one_answer_goes_to_standard_output_and_the_rest_to_standard_error(capsys: pytest.CaptureFixture[str]):
    talk = conversation([thinking("Hm. "), call("shout", {"word": "hi"})], [text("I shouted.")])
    await plain.answer_once(talk, "shout hi")
    output = capsys.readouterr()
    assert output.out.strip() == "I shouted."
    assert "Hm." in output.err
    assert output.err.count("HI") == 1  # live, and not again with the result
    assert "echoes: 2" in output.err
    assert "< Shouted (" in output.err


def test_output_that_was_shown_live_is_not_shown_again_by_a_card_that_drops_its_last_line_end():
    screen = io.StringIO()
    transcript = plain.Transcript(screen, screen)
    transcript.show(ToolOutput("1", "stdout", "391\n"))
    result = ToolResult("391", Card("Done", "391"))
    transcript.show(ToolFinished(ToolCall("1", "shout", "{}"), 0, result, 0.1))
    assert click.unstyle(screen.getvalue()) == "391\n< Done (0.1 s)\n"


def test_a_chat_remembers_and_forgets(capsys: pytest.CaptureFixture[str]):
    seen: list[list[str]] = []

    def reply(request: ChatRequest) -> list[Any]:
        seen.append([message.content for message in request.messages if message.role == "user"])
        return [text("Yes.")]

    chat(conversation(reply, reply, reply), ["one", "two", "/clear", "three"])
    assert seen == [["one"], ["one", "two"], ["three"]]
    assert capsys.readouterr().out.count("Yes.\n") == 3


def test_a_named_tool_can_be_forced(capsys: pytest.CaptureFixture[str]):
    model_saw: list[tuple[str, ...]] = []

    def reply(request: ChatRequest) -> list[Any]:
        model_saw.append(tuple(request.tool_choice.names))
        return [call("shout", {"word": "now"})]

    chat(conversation(reply, [text("Done.")]), ["/tool shout please", "/python please", "/tool shout"])
    assert model_saw == [("shout",)]
    output = capsys.readouterr().out
    assert "NOW" in output and "Done." in output
    assert "error: there is no tool 'mistralrs_execute_python' in this chat; the tools are: shout" in output
    assert "error: write a message after the command" in output


@pytest.fixture
def heeded_ctrl_c() -> Iterator[None]:
    """As in a terminal: a program started in the background is told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_ctrl_c")
def test_ctrl_c_stops_the_answer_and_not_the_chat(capsys: pytest.CaptureFixture[str]):
    def interrupted(request: ChatRequest) -> list[Any]:
        signal.raise_signal(signal.SIGINT)
        return [asyncio.Event(), text("never")]

    chat(conversation(interrupted, [text("Still here.")]), ["one", "two"])
    output = capsys.readouterr().out
    assert "stopped" in output and "never" not in output
    assert "Still here." in output


def test_without_a_terminal_nobody_approves(capsys: pytest.CaptureFixture[str]):
    talk = conversation([call("shout", {"word": "hi"})], [text("Pity.")], permission=Permission.ASK)
    chat(talk, ["shout"])
    output = capsys.readouterr().out
    assert "denied: there is no terminal to ask at" in output
    assert "HI" not in output and "Pity." in output


@pytest.mark.parametrize(("answers", "ran"), [("y\n", 1), ("maybe\nn\n", 0), ("a\n", 2)])
def test_a_person_approves_refuses_or_allows_for_good(
    answers: str, ran: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    typed = iter(answers.splitlines())

    async def typed_line() -> str:
        return next(typed, "n")

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(plain, "_typed_line", typed_line)
    twice = ([call("shout", {"word": "hi"})], [call("shout", {"word": "hi"})], [text("Over.")])
    chat(conversation(*twice, permission=Permission.ASK), ["go"])
    output = capsys.readouterr().out
    assert output.count("HI") == ran
    assert "Shouting: run this? [y]es, [n]o, [a]lways for this session" in output


def test_the_permission_is_shown_and_set_within_the_servers_bounds(capsys: pytest.CaptureFixture[str]):
    chat(conversation(permission=Permission.ASK), ["/permission deny", "/permission auto", "/permission maybe"])
    output = capsys.readouterr().out
    assert "Permission: deny" in output
    assert "error: permission 'auto' is not allowed here" in output
    assert "error: 'maybe' is not a permission; write auto, ask or deny" in output


def test_mistakes_are_told_and_the_chat_goes_on(capsys: pytest.CaptureFixture[str]):
    chat(conversation([text("Fine.")]), ["/dance", "", "/help", "hello", "/exit", "never read"])
    output = capsys.readouterr().out
    assert "error: /dance is not a command; /help lists them" in output
    assert "/permission [MODE]" in output
    assert "Fine." in output


def test_text_of_models_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    chat(conversation([text("a\x1b[2Jb\x07c\rd")]), ["go"])
    assert "a[2Jbcd" in capsys.readouterr().out
