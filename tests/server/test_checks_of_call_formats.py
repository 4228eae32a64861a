"""Acceptance check A12 over HTTP: calls in every format, as raw text of a model, come out of the stream whole."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from server_doubles import HELLO, http_client, make_agent, openai_client

from engine import EngineStats, Message, SamplingParams, ToolCall, ToolSpec
from engine.chat.local import LocalChatModel
from engine.chat.scripted import SCRIPTED_INFO
from engine.chat.template import ChatTemplate
from engine.loading.source import ModelSource
from engine.request import Delta, FinishReason, Request, Usage
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from tests.engine.chat.replies import byte_tokenizer
from tests.engine.chat.test_tool_call_formats import DATA, FAMILIES, WHOLE_REPLY, without_end

FORMATS = FAMILIES | WHOLE_REPLY
"""By family: what its chat template says, and two calls with words before them as its models write them."""
PUBLISHED = sorted(
    {path.stem for path in (DATA / "templates").glob("*.jinja")}
    - {"HuggingFaceTB-SmolLM3-3B", "ibm-granite-granite-3.3-2B-Instruct", "llama-cpp-deepseek-r1"}
    - {"llama-cpp-rwkv-world", "microsoft-Phi-3.5-mini-instruct"}  # they write no calls
    - {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-ai-DeepSeek-V3.1"}  # they name no tools to the model
)
SCHEMAS = {
    "f": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
    "g": {"type": "object", "properties": {}},
    "weather": {"type": "object", "properties": {"city": {"type": "string"}, "near": {"type": "object"}}},
}
ODD = {
    "city": 'Zürich "N" {[}] \\ 你好 🙂 </tool_call>',
    "near": {"places": [{"name": "}", "km": 1.5}, {"name": "a\nb\t", "km": -2}], "open": True, "none": None},
}
PLAIN = {"city": "x", "near": {}}


TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"


class Writing:
    """Stands where the engine stands: writes these texts, one a request, a character at a time."""

    info = SCRIPTED_INFO

    def __init__(self, *texts: str) -> None:
        self._texts: Iterator[str] = iter(texts)
        self.prompts: list[tuple[int, ...]] = []

    async def generate(self, request: Request) -> AsyncGenerator[Delta, None]:
        self.prompts.append(request.prompt)
        for position, character in enumerate(next(self._texts)):
            yield Delta(request.id, 0, character, (position,))
        yield Delta(request.id, 0, finish_reason=FinishReason.STOP, usage=Usage(1, 1))

    async def stats(self) -> EngineStats:
        return EngineStats(0, 0, 0, 8)

    async def close(self) -> None:
        pass


class SayTool:
    """`f`, run by the server; answers with its arguments."""

    spec = ToolSpec("f", "", SCHEMAS["f"])
    metadata = ToolMetadata(ToolSource.USER, ToolKind.CUSTOM, "f")

    def __init__(self) -> None:
        self.ran: list[Any] = []

    def call_card(self, arguments: Any) -> Card:
        return Card("f")

    async def run(self, arguments: Any, context: ToolContext) -> ToolResult:
        self.ran.append(arguments)
        return ToolResult("done", Card("f"))

    async def end_session(self, session_id: str) -> None:
        pass


def agent_on(template: str, *texts: str, tools: Any = ()) -> Agent:
    source = ModelSource(
        name="m", notice="", kind="gguf", weight_files=(), config={}, tokenizer_file=None, chat_template=template,
        special_tokens={"bos_token": "<s>", "eos_token": "</s>"}, eos_token_ids=(), sampling_defaults=SamplingParams(),
    )  # fmt: skip
    return make_agent(LocalChatModel(source, byte_tokenizer(), Writing(*texts)), tools=tools)


def with_tools(family: str) -> tuple[str, str]:
    """A template that shows the family's markers, and takes tools; and the two calls."""
    markers, raw = FORMATS[family]
    return f"{TEMPLATE}{{# {markers} #}}", raw


def tools_of_client(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "parameters": SCHEMAS[name]}} for name in names]


async def streamed(agent: Agent, *names: str) -> tuple[str, list[tuple[str, Any]], str]:
    """What the official client reads: words, calls put together from their deltas, the reason of the end."""
    async with openai_client(agent) as client:
        stream = await client.chat.completions.create(
            messages=HELLO, model="default", stream=True, tools=tools_of_client(*names)
        )
        words, calls, reason = "", list[tuple[str, str]](), None
        async for chunk in stream:
            for choice in chunk.choices:
                words += choice.delta.content or ""
                reason = choice.finish_reason or reason
                for piece in choice.delta.tool_calls or ():
                    if piece.id:
                        assert (piece.index, piece.type) == (len(calls), "function")
                        calls.append((piece.function.name, ""))
                    assert piece.index == len(calls) - 1
                    calls[-1] = (calls[-1][0], calls[-1][1] + (piece.function.arguments or ""))
    return words, [(name, json.loads(arguments)) for name, arguments in calls], reason


@pytest.mark.parametrize("family", sorted(FORMATS))
async def test_a12_two_calls_of_each_family_are_streamed_to_the_client(family):
    template, raw = with_tools(family)
    words, calls, reason = await streamed(agent_on(template, raw), "f", "g")
    assert calls == [("f", {"a": 1, "b": "?"}), ("g", {})]
    assert (words, reason) == ("Hm." if family in FAMILIES else "", "tool_calls")


@pytest.mark.parametrize("name", PUBLISHED)
async def test_a12_unicode_nesting_and_braces_as_published_templates_write_them(name):
    source = (DATA / "templates" / f"{name}.jinja").read_text()
    template = ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"})
    wanted = [ODD] if name.startswith("openai") else [ODD, PLAIN]  # that template writes the first call alone
    spec, said = ToolSpec("weather", "", SCHEMAS["weather"]), [Message("user", "hi")]
    calls = tuple(ToolCall(f"abcdefgh{n}", "weather", json.dumps(arguments)) for n, arguments in enumerate(wanted))
    asked = template.render(said, [spec])
    whole = template.render([*said, Message("assistant", tool_calls=calls)], [spec], add_generation_prompt=False)
    raw = without_end(whole.removeprefix(asked.removesuffix("<think>\n</think>")))
    assert await streamed(agent_on(source, raw), "weather") == (
        "",
        [("weather", arguments) for arguments in wanted],
        "tool_calls",
    )


@pytest.mark.parametrize("family", sorted(FORMATS))
async def test_a12_a_name_that_does_not_exist_becomes_an_error_for_the_model_and_the_other_call_runs(family):
    template, raw = with_tools(family)
    tool = SayTool()
    agent = agent_on(template, raw, "I see.", tools=[tool])
    async with http_client(agent) as client:
        answer = (await client.post("/v1/chat/completions", json={"messages": "go", "session_id": "s"})).json()
    assert answer["choices"][0]["message"]["content"] == "I see."
    assert tool.ran == [{"a": 1, "b": "?"}]
    results = {record["name"]: record["result_content"] for record in answer["agentic_tool_calls"]}
    assert results["f"] == "done"
    assert json.loads(results["g"])["error"] == "There is no tool 'g'. Tools: f."
    assert [m.role for m in agent.sessions.history("s")] == ["user", "assistant", "tool", "tool", "assistant"]
