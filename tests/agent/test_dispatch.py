"""Calls of the client's tools that go to a URL: what is sent, what comes back, and what is tried again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from agent_doubles import ask, client_tool, collect, make_agent

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import AgentSettings
from mistralrs_agent.agent.events import Finished, Permission, ToolFinished
from mistralrs_agent.tools.dispatch import ATTEMPTS, Dispatcher


@dataclass
class Receiver:
    """Answers as told, and keeps what it was sent."""

    answers: list[tuple[int, bytes] | None]
    """Status and body; None: never."""
    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.received.append((headers, await reader.readexactly(int(headers["content-length"]))))
        answer = self.answers.pop(0)
        if answer is None:
            await self.given_up.wait()
        else:
            status, body = answer
            head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def receiving(*answers: tuple[int, bytes] | None) -> AsyncGenerator[Receiver]:
    receiver = Receiver(list(answers))
    async with await asyncio.start_server(receiver.answer, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tools"
        yield receiver
        receiver.given_up.set()


async def played(receiver: Receiver, **dispatch):
    """One turn in which the model calls the client's tool once; its result and the end."""
    dispatcher = Dispatcher(receiver.url, **{"back_off_s": 0.0} | dispatch)
    model = ScriptedModel([[call("ask_client", {"q": "é"})], [text("Done.")]])
    agent = make_agent(model, settings=AgentSettings(dispatcher=dispatcher))
    events = await collect(agent, ask("hi", session_id="s-1", client_tools=(client_tool(),)))
    await agent.close()
    assert isinstance(events[-1], Finished) and events[-1].text == "Done."
    (result,) = (event.result for event in events if isinstance(event, ToolFinished))
    return result


async def test_a_call_carries_its_ids_and_a_signature_and_its_answer_goes_to_the_model():
    async with receiving((200, b'{"content": "42"}')) as receiver:
        result = await played(receiver, secret="s3cret")
    assert (result.ok, result.content) == (True, "42")
    ((headers, body),) = receiver.received
    sent = json.loads(body)
    assert (sent["name"], sent["arguments"], sent["session_id"], sent["attempt"]) == (
        "ask_client",
        {"q": "é"},
        "s-1",
        1,
    )
    assert headers["idempotency-key"] == sent["call_id"] != ""
    signed = f"{headers['x-mistralrs-timestamp']}.".encode() + body
    digest = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["x-mistralrs-signature"] == f"sha256={digest}"
    assert "s3cret" not in repr(Dispatcher("http://x", "s3cret"))


@pytest.mark.parametrize("answer", [b"plain words", b'{"other": 1}', b"[1]"])
async def test_any_other_answer_is_taken_as_it_is_and_nothing_is_signed_without_a_secret(answer: bytes):
    async with receiving((200, answer)) as receiver:
        assert (await played(receiver)).content == answer.decode()
    assert "x-mistralrs-signature" not in receiver.received[0][0]


async def test_passing_faults_are_tried_again_under_the_same_call_id():
    async with receiving((503, b"busy"), (429, b"slowly"), (200, b"at last")) as receiver:
        result = await played(receiver)
    assert result.content == "at last"
    calls = [json.loads(body) for _, body in receiver.received]
    assert [sent["attempt"] for sent in calls] == [1, 2, 3]
    assert len({sent["call_id"] for sent in calls}) == 1


async def test_a_fault_that_stays_is_said_to_the_model_and_the_turn_goes_on():
    async with receiving(*[(503, b"busy")] * ATTEMPTS) as receiver:
        result = await played(receiver)
    assert not result.ok and "HTTP 503, after 3 attempts" in result.content
    async with receiving((400, b"no such city")) as receiver:
        result = await played(receiver)
    assert len(receiver.received) == 1
    assert not result.ok and "no such city" in result.content
    assert "cannot be reached" in (await played(receiver)).content


async def test_a_server_that_hangs_is_given_up():
    async with receiving(*[None] * ATTEMPTS) as receiver:
        result = await played(receiver, timeout_s=0.05)
    assert not result.ok and "did not answer within 0.05 s, after 3 attempts" in result.content


async def test_calls_that_are_denied_never_leave():
    async with receiving() as receiver:
        model = ScriptedModel([[call("ask_client", {})], [text("Done.")]])
        settings = AgentSettings(dispatcher=Dispatcher(receiver.url), permission=Permission.DENY)
        agent = make_agent(model, settings=settings)
        events = await collect(agent, ask("hi", client_tools=(client_tool(),)))
        await agent.close()
    assert [event.result.ok for event in events if isinstance(event, ToolFinished)] == [False]
    assert receiver.received == []


async def test_without_rounds_the_client_gets_its_calls_itself():
    async with receiving() as receiver:
        model = ScriptedModel([[call("ask_client", {})]])
        agent = make_agent(model, settings=AgentSettings(dispatcher=Dispatcher(receiver.url)))
        events = await collect(agent, ask("hi", client_tools=(client_tool(),), max_rounds=0))
        await agent.close()
    assert isinstance(events[-1], Finished) and events[-1].client_calls[0].name == "ask_client"


def answering(**fields) -> tuple[int, bytes]:
    return 200, json.dumps({"content": "See the files."} | fields).encode()


async def test_files_in_an_answer_become_files_of_the_session():
    first = answering(
        files=[{"name": "../sum.csv", "text": "a;é\n"}, {"name": "dot.png", "data_base64": "iVBORw0KGgo="}]
    )
    second = answering(files=[{"name": "sum.csv", "text": "b"}])
    async with receiving(first, second) as receiver:
        model = ScriptedModel([[call("ask_client", {"q": q})] for q in "12"] + [[text("Done.")]])
        agent = make_agent(model, settings=AgentSettings(dispatcher=Dispatcher(receiver.url)))
        events = await collect(agent, ask("hi", session_id="s-1", client_tools=(client_tool(),)))
        csv, png = sorted(agent.sessions.files.of_session("s-1"), key=lambda file: file.name, reverse=True)
        bodies = agent.sessions.files.body(csv.id), agent.sessions.files.body(png.id)
        await agent.close()
    results = [event.result for event in events if isinstance(event, ToolFinished)]
    assert results[0].content == "See the files.\n\nFiles: sum.csv, dot.png"
    assert [file.name for file in results[0].files] == ["sum.csv", "dot.png"]
    assert (csv.purpose, csv.source["tool"], png.mime_type) == ("agent_output", "ask_client", "image/png")
    assert bodies == (b"b", b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ("none", "files: Input should be a valid list"),
        ([{"name": "a"}], "files.0: Value error, needs text or data_base64"),
        ([{"name": "a", "data_base64": "é"}], "files.0.data_base64"),
        ([{"text": "b"}], "files.0.name: Field required"),
    ],
)
async def test_files_in_a_wrong_shape_are_said_to_the_model(files: object, said: str):
    async with receiving(answering(files=files)) as receiver:
        result = await played(receiver)
    assert not result.ok and said in result.content
