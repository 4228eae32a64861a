from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from engine.chat.messages import Message, ToolCall, ToolSpec
from engine.chat.template import ChatTemplate
from engine.chat.tool_prompt import with_tools_as_text
from engine.errors import InvalidRequest, UnsupportedModel

DATA = Path(__file__).parent / "data"
CASES = json.loads((DATA / "cases.json").read_text())
EXPECTED = json.loads((DATA / "expected.json").read_text())
NOW = datetime.fromisoformat(CASES["now"])
CHATML = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}>>{% endif %}"
)
WEATHER = ToolSpec("weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def template(name: str) -> ChatTemplate:
    source = (DATA / "templates" / f"{name}.jinja").read_text()
    return ChatTemplate(source, CASES["special_tokens"], now=lambda: NOW)


def message_of(body: dict) -> Message:
    for call in body.get("tool_calls", ()):
        if not isinstance(call["function"]["arguments"], str):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return Message.from_json(body)


def tool_of(body: dict) -> ToolSpec:
    return ToolSpec(**body["function"])


@pytest.mark.parametrize("case", CASES["cases"])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_template_renders_as_transformers_does(name: str, case: str):
    conversation, expected = CASES["cases"][case], EXPECTED[name][case]
    messages = [message_of(m) for m in conversation["messages"]]
    tools = [tool_of(t) for t in conversation.get("tools", ())]
    generate = conversation["add_generation_prompt"]
    if "error" in expected:
        with pytest.raises(InvalidRequest):
            template(name).render(messages, tools, add_generation_prompt=generate)
    else:
        assert template(name).render(messages, tools, add_generation_prompt=generate) == expected["text"]


def test_templates_know_whether_they_take_tools():
    without = {"HuggingFaceTB-SmolLM3-3B", "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-ai-DeepSeek-V3.1"}
    without |= {"llama-cpp-rwkv-world", "microsoft-Phi-3.5-mini-instruct", "llama-cpp-deepseek-r1"}
    assert {name for name in EXPECTED if not template(name).supports_tools} == without


def test_thinking_is_left_to_the_template_unless_asked_for():
    qwen = template("Qwen-Qwen3-0.6B")
    ask = [Message("user", "hi")]
    assert "<think>" not in qwen.render(ask)
    assert qwen.render(ask, enable_thinking=False).endswith("<think>\n\n</think>\n\n")


def test_a_refusal_is_the_requests_error_in_the_templates_words():
    refusing = ChatTemplate("{{ raise_exception('only two turns please') }}", {})
    with pytest.raises(InvalidRequest, match="only two turns please") as caught:
        refusing.render([Message("user", "hi")])
    assert caught.value.param == "messages"


def test_a_template_that_fails_in_its_own_code_is_not_a_crash():
    with pytest.raises(InvalidRequest, match="TypeError"):
        ChatTemplate("{{ 1 + messages[0].content }}", {}).render([Message("user", "hi")])


def test_a_template_cannot_reach_into_python():
    with pytest.raises(InvalidRequest, match="unsafe"):
        ChatTemplate("{{ messages.__class__.__mro__ }}", {}).render([Message("user", "hi")])


def test_broken_jinja_is_refused_when_loading():
    with pytest.raises(UnsupportedModel, match="line 2"):
        ChatTemplate("fine\n{% if %}", {})


def test_variables_of_the_caller_reach_the_template_but_replace_nothing_of_ours():
    tone = ChatTemplate("{{ tone }} {{ bos_token }} {{ messages|length }}", {"bos_token": "<s>"})
    assert (
        tone.render([Message("user", "hi")], variables={"tone": "kind", "bos_token": "X", "messages": []})
        == "kind <s> 1"
    )


def test_generation_tags_loop_controls_and_the_date_work():
    source = "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{% generation %}{{ m.content }}"
    source += "{% endgeneration %}{% endfor %} {{ strftime_now('%Y') }} {{ date_string }}"
    rendered = ChatTemplate(source, {}, now=lambda: NOW).render([Message("user", "a"), Message("user", "b")])
    assert rendered == "a 2025 01 Jul 2025"


def test_system_and_developer_messages_at_the_start_become_one():
    turns = [Message("system", "a"), Message("developer", "b"), Message("user", "hi")]
    assert ChatTemplate(CHATML, {}).render(turns) == "<|system|>a\n\nb\n<|user|>hi\n>>"


def test_a_system_message_the_template_refuses_moves_to_where_it_is_taken():
    late = (
        "{% for m in messages %}{% if m.role == 'system' and not loop.first %}{{ raise_exception('late') }}{% endif %}"
    )
    never = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('never') }}{% endif %}"
    rest = "<{{ m.role }}>{{ m.content }}{% endfor %}"
    turns = [Message("user", "hi"), Message("system", "brief")]
    assert ChatTemplate(late + rest, {}).render(turns) == "<system>brief<user>hi"
    assert ChatTemplate(never + rest, {}).render(turns) == "<user>brief\n\nhi"


def test_arguments_that_are_no_object_still_render():
    broken = Message("assistant", tool_calls=(ToolCall("c", "weather", '{"city": '),))
    rendered = template("Qwen-Qwen2.5-7B-Instruct").render([Message("user", "hi"), broken])
    assert '{"malformed_arguments": "{\\"city\\": "}' in rendered


def test_call_ids_are_shortened_for_templates_that_insist_on_nine_characters():
    called = Message("assistant", tool_calls=(ToolCall("call_0123456789abcdef01234567", "weather", "{}"),))
    answered = Message("tool", "sunny", tool_call_id="call_0123456789abcdef01234567")
    turns = [Message("user", "hi"), called, answered]
    rendered = template("mistralai-Mistral-Nemo-Instruct-2407").render(turns, [WEATHER])
    ids = re.findall(r'"(?:call_)?id": "(\w+)"', rendered)
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert len(ids[0]) == 9


def test_a_template_without_tools_gets_them_as_text():
    plain = ChatTemplate(CHATML, {})
    turns = [
        Message("system", "Be brief."),
        Message("user", "Weather in Paris and Rome?"),
        Message("assistant", "Looking.", (ToolCall("1", "weather", '{"city": "Paris"}'), ToolCall("2", "weather", ""))),
        Message("tool", "sunny", tool_call_id="1"),
        Message("tool", "wet", tool_call_id="2"),
    ]
    rendered = plain.render(with_tools_as_text(turns, [WEATHER]))
    assert rendered.startswith("<|system|>Be brief.\n\n# Tools")
    assert json.dumps(WEATHER.to_json()) in rendered
    calls = 'Looking.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>\n'
    assert calls + '<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>' in rendered
    results = "The result is: sunny\nThe result is: wet"
    assert rendered.endswith(f"<|user|>{results}\n>>")


def test_tool_turns_stay_readable_when_no_tools_are_offered_any_more():
    turns = [Message("user", "hi"), Message("assistant", "", (ToolCall("1", "f", "{}"),)), Message("tool", "done")]
    assert [m.role for m in with_tools_as_text(turns, ())] == ["user", "assistant", "user"]


def test_a_template_that_wants_roles_in_turn_gets_them():
    asked = [Message("user", "Weather?"), Message("assistant", tool_calls=(ToolCall("c1", "weather", "{}"),))]
    went_on = [
        *asked,
        Message("tool", "cancelled", tool_call_id="c1"),
        Message("user", "Never"),
        Message("user", "mind"),
    ]
    prompt = template("mistralai-Mistral-Nemo-Instruct-2407").render(went_on)
    assert prompt.endswith("…</s>[INST]Never\n\nmind[/INST]")


def test_a_template_that_takes_no_thoughts_beside_words_and_calls_loses_the_thoughts_only():
    called = Message("assistant", "Let me look.", (ToolCall("c1", "weather", "{}"),), reasoning="Hm.")
    result = Message("tool", "sunny", tool_call_id="c1", name="weather")
    prompt = template("openai-gpt-oss-120b").render([Message("user", "Weather?"), called, result])
    assert "Let me look." in prompt and "Hm." not in prompt and "sunny" in prompt
