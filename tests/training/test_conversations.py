"""What the built-in model learns from: the same each time, and token for token what a server sends."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace

import pytest

from engine import Message, SamplingParams, ToolCall
from engine.chat.messages import ToolSpec
from engine.chat.template import ChatTemplate
from engine.loading.source import resolve
from engine.options import ModelOptions
from mistralrs_agent.agent.turn import Attachment, Turn
from mistralrs_agent.cli.wiring import open_agent
from mistralrs_agent.options import Options
from mistralrs_agent.search.web import Source
from mistralrs_agent.storage.files import InputFile
from training.ask import FAMILIES
from training.families import MODULES
from training.generate import Answer, conversations
from training.packing import Example, rows
from training.play import Conversation
from training.render import as_text, example, prompt_tokens
from training.toolsets import agent, toolset

ANSWERS = [
    Answer("hi", "Hello!"),
    Answer("What is a noun?", "A word for a thing."),
]


async def made(count: int, seed: int) -> list[Conversation]:
    return [conversation async for conversation in conversations(count, seed, ANSWERS)]


@pytest.fixture(scope="module")
def played() -> list[Conversation]:
    return asyncio.run(made(20, 3))


async def test_the_same_seed_gives_the_same_conversations_and_another_seed_others(played: list[Conversation]):
    again, other = await made(20, 3), await made(4, 4)
    assert [example(c) for c in again] == [example(c) for c in played]
    assert not {c.messages for c in other} & {c.messages for c in played}


def test_what_is_learned_stands_behind_exactly_the_prompt_that_is_served(played: list[Conversation]):
    for conversation in played:
        learned = example(conversation)
        ids = learned.prefix + learned.ids
        for position, span in zip(conversation.learned, learned.spans, strict=True):
            start, end = (len(learned.prefix) + edge for edge in span)
            assert list(ids[:start]) == prompt_tokens(conversation, position)
            written = as_text(ids[start:end])
            message = conversation.messages[position]
            assert written.endswith("<|im_end|>")
            assert (message.content or message.tool_calls[0].name) in written


def test_answers_of_the_base_model_are_learned_as_it_gives_them_without_tools(played: list[Conversation]):
    found = 0
    for conversation in played:
        learned = example(conversation)
        for position, prompt, (start, end) in zip(conversation.learned, learned.alone, learned.spans, strict=True):
            question, text = conversation.messages[position - 1].content, as_text(learned.ids[start : end - 1])
            assert (Answer(question, text) in ANSWERS) == bool(prompt)
            if prompt:
                found += 1
                assert as_text(prompt) == base_prompt(question)
    assert found > 5


def base_prompt(question: str) -> str:
    """What the model's own template makes of it."""
    source = resolve(ModelOptions(), print)
    assert source.chat_template is not None
    return ChatTemplate(source.chat_template, source.special_tokens).render([Message("user", question)])


def test_there_are_many_families_and_each_makes_many_requests():
    assert MODULES and len(FAMILIES) >= 150
    for name, family in FAMILIES.items():
        asks = [family(random.Random(seed)) for seed in range(12)]
        assert all(ask.question.strip() and ask.family == name for ask in asks)
        assert not any("{" in ask.question or "[|" in ask.question for ask in asks), name
    distinct = {family(random.Random(seed)).question for family in FAMILIES.values() for seed in range(8)}
    assert len(distinct) > 5 * len(FAMILIES)


@pytest.mark.parametrize("attached", [False, True])
async def test_the_tools_that_are_learned_with_are_those_that_a_server_offers(attached: bool):
    options = replace(Options(), agent=Options().agent.model_copy(update={"agent": True}))
    files = (Attachment(0, InputFile("a.csv", b"x")),) if attached else ()
    asked = Turn((Message("user", "q"),), SamplingParams(), code_execution=True, web_search=True, files=files)
    async with open_agent(options, lambda line: None) as running:
        offered = [tool.spec for tool in running.agent.tools_of(asked).values()]
    learned = agent(attached=attached).specs
    assert [shown(spec) for spec in offered] == [shown(spec) for spec in learned]


def shown(spec: ToolSpec) -> tuple[str, object, str]:
    """What the built-in model is shown of a tool."""
    return spec.name, spec.parameters, spec.description.split("\n")[0].split(". ")[0]


def test_tool_lists_vary_and_never_hold_a_name_twice():
    drawn = [toolset(random.Random(seed)) for seed in range(60)]
    for tools in drawn:
        names = [spec.name for spec in tools.specs]
        assert len(names) == len(set(names))
    assert len({tuple(spec.name for spec in tools.specs) for tools in drawn}) > 30


def test_a_call_to_a_missing_tool_is_never_taught():
    rng = random.Random(1)
    for name, family in FAMILIES.items():
        ask = family(rng)
        if agent().fits(ask):
            names = {kind for kind in ask.kinds if kind != "own"}
            assert names <= {"python", "search", "page"}, name


def rendered(*messages: Message, tools: tuple[ToolSpec, ...] = ()) -> str:
    conversation = Conversation("", tools, messages, ())
    return as_text(tuple(prompt_tokens(conversation, len(messages))))


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ('{"status": "success", "stdout": "42\\n"}', "42"),
        ('{"status": "success", "images_generated": 1}', "images_generated: 1"),
        ('{"status": "error", "exception": "NameError: x"}', "status: error\nexception: NameError: x"),
        ('{"price": 3}', "price: 3"),
        ("plain text", "plain text"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_a_result_reads_as_words(content: str, read: str):
    call = ToolCall("1", "x", "{}")
    text = rendered(Message("user", "q"), Message("assistant", "", (call,)), Message("tool", content, tool_call_id="1"))
    assert f"<|im_start|>tool\n{read}<|im_end|>" in text


def test_search_results_read_as_pages():
    source = Source("Title", "", "https://a.example/b", "The text.")
    content = json.dumps({"sources": ["a.example"], "output": [{k: getattr(source, k) for k in source.__slots__}]})
    assert "Title (https://a.example/b)\nThe text.<|im_end|>" in rendered(Message("tool", content))


def test_a_tool_is_one_line():
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}}}
    text = rendered(Message("user", "q"), tools=(ToolSpec("name", "First. Second.\nThird.", schema),))
    assert 'Tools:\nname(a: int, b?: "x"|"y") First<|im_end|>' in text


def test_rows_hold_each_example_once_and_only_with_its_own_prefix():
    examples = [Example((1, 2, n % 3), tuple(range(5 + n)), ((1, 3),), ((),)) for n in range(40)]
    made_rows = rows(examples, 60, seed=1)
    assert {e.ids for row in made_rows for e in row.examples} == {e.ids for e in examples}
    assert sum(len(row.examples) for row in made_rows) == 40
    assert all(len({e.prefix for e in row.examples}) == 1 for row in made_rows)
    assert all(row.tokens <= 60 or len(row.examples) == 1 for row in made_rows)
