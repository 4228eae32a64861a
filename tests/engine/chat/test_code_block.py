"""A fenced block as a forced call: read back whole however it is cut, chosen only where it should be."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.chat.messages import Message, ToolChoice, ToolSpec
from engine.chat.model import ChatRequest
from engine.chat.prompt import PromptBuilder
from engine.chat.template import ChatTemplate
from engine.chat.tool_calls.code_block import CodeBlock
from engine.chat.tool_prompt import with_tools_as_text
from tests.engine.chat.replies import read_calls
from tests.engine.toy import toy_tokenizer

CHATML = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}>>"
PYTHON = ToolSpec("run", "", {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]})
WEATHER = ToolSpec("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


def read(*fragments: str) -> tuple[str, list[tuple[str, str]]]:
    """Text, and calls by name and arguments."""
    return read_calls(CodeBlock("run").parser(), *fragments)


@given(st.text(max_size=40).filter(lambda code: "```" not in code and not code.endswith("`")), st.data())
def test_any_code_comes_back_as_valid_json_however_the_reply_is_cut(code, data):
    reply = f"```python\n{code}```"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=8)))
    parts = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    text, calls = read(*parts)
    assert (text, calls[0][0], json.loads(calls[0][1])) == ("", "run", {"code": code})


def test_a_block_cut_off_keeps_what_was_written_and_stays_open():
    assert read("```python\nprint(", '"é') == ("", [("run", '{"code": "print(\\"é')])


def test_text_without_a_block_is_text():
    assert read("Just ", "words, and `code`.") == ("Just words, and `code`.", [])


def builder(template: str) -> PromptBuilder:
    return PromptBuilder(ChatTemplate(template, {}), toy_tokenizer())


def form(template: str, choice: ToolChoice) -> str | None:
    request = ChatRequest([Message("user", "hi")], tools=(PYTHON, WEATHER), tool_choice=choice)
    prepared = builder(template).prepare(request, 8192)
    return prepared.form and prepared.form.name


def test_only_a_forced_code_tool_of_a_model_without_tools_uses_a_block():
    knows_tools = CHATML + "{% for t in tools %}{{ t.function.name }}{% endfor %}"
    assert form(CHATML, ToolChoice.named("run")) == "code block"
    assert form(CHATML, ToolChoice.named("weather")) == "hermes"
    assert form(CHATML, ToolChoice("required")) == "hermes"
    assert form(CHATML, ToolChoice()) == "hermes"
    assert form(knows_tools, ToolChoice.named("run")) != "code block"


def test_the_prompt_asks_for_code_and_lists_no_tools():
    request = ChatRequest([Message("user", "2 + 2?")], tools=(PYTHON,), tool_choice=ToolChoice.named("run"))
    assert builder(CHATML).render(request) == "<user>2 + 2?\nWrite Python code that prints the answer.>>"


def test_json_results_are_told_in_words_to_models_without_tools():
    turns = [
        Message("user", "2 + 2?"),
        Message("tool", '{"status": "success", "stdout": "4\\n"}'),
        Message("tool", '{"status": "error", "exception": "NameError", "images_generated": 1}'),
        Message("tool", "[1, 2]"),
        Message("user", "So?"),
    ]
    (asked,) = with_tools_as_text(turns, ())
    failure = "status: error\nexception: NameError\nimages_generated: 1"
    told = f"The result is: 4\nThe result is:\n{failure}\nThe result is: [1, 2]"
    assert asked.content == f"2 + 2?\n{told}\nSo?"
