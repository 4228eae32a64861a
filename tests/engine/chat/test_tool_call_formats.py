"""What models of each family write, read back; the format is chosen from the chat template."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat.grammar import ReplyGrammar, Thinking
from engine.chat.messages import ToolChoice, ToolSpec
from engine.chat.model import ReplyFinished, TextDelta, ThinkingDelta
from engine.chat.reasoning import ReasoningSplitter, markers_of
from engine.chat.reply import ReplyReader
from engine.chat.tool_calls.base import WholeReplyFormat
from engine.chat.tool_calls.formats import format_of
from engine.request import Delta, FinishReason
from tests.engine.chat.replies import byte_tokenizer, follow

DATA = Path(__file__).parent / "data"
CALLED = {line["payload"]: line for line in map(json.loads, (DATA / "called.jsonl").read_text().splitlines())}
RAW: dict[str, list[tuple[str, str]]] = defaultdict(list)
for written in map(json.loads, (DATA / "raw_outputs.jsonl").read_text().splitlines()):
    RAW[written["template"]].append((written["payload"], written["raw"]))
ENDS = (
    *("</s>", "<|im_end|>", "<|end_of_text|>", "<|eom_id|>", "<｜end▁of▁sentence｜>", "<end_of_sentence>"),
    *("<|end|>", "<｜Assistant｜>"),
)
"""What ends a turn: the engine stops there, so no reader sees it."""

Reading = tuple[str, str, list[tuple[str, Any]]]


def read(template: str, pieces: list[str], schemas: dict[str, Any] | None = None) -> Reading:
    """Reasoning, answer, and (name, arguments as text) of each call."""
    form = format_of(template)
    markers = None if isinstance(form, WholeReplyFormat) else markers_of(template)
    reader = ReplyReader(0, ReasoningSplitter(markers), form.parser(schemas))
    events = [event for text in pieces for event in reader.read(Delta("r", text=text))]
    *events, last = [*events, *reader.read(Delta("r", finish_reason=FinishReason.STOP))]
    assert isinstance(last, ReplyFinished)
    thought = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    answer = "".join(event.text for event in events if isinstance(event, TextDelta))
    return thought, answer, [(call.name, call.arguments) for call in last.tool_calls]


def without_end(raw: str) -> str:
    while (shorter := raw.rstrip("\n")) and (end := next((e for e in ENDS if shorter.endswith(e)), "")):
        raw = shorter.removesuffix(end)
    return raw


@pytest.mark.parametrize("name", sorted(RAW))
def test_calls_that_published_templates_write_are_read_back(name: str):
    template = (DATA / "templates" / f"{name}.jinja").read_text()
    for payload, raw in RAW[name]:
        called = CALLED[payload]
        schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in called["tools"]}
        expected = called["calls"][: 1 if name.startswith("openai") else None]  # its template writes the first alone
        for pieces in ([without_end(raw)], list(without_end(raw))):
            _, answer, calls = read(template, pieces, schemas)
            got = [{"name": call, "arguments": json.loads(arguments)} for call, arguments in calls]
            assert json.dumps(got) == json.dumps(expected), raw  # 1 and 1.0 and true are three things
            assert answer.strip() == "", raw


F, G = ("f", {"a": 1, "b": "?"}), ("g", {})
ANY = {"f": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}, "g": {}}
LISTED = '[{"name": "f", "arguments": {"a": 1, "b": "?"}}, {"name": "g", "arguments": {}}]'
FAMILIES = {
    "mistral v11": ("[TOOL_CALLS] [ARGS]", 'Hm.[TOOL_CALLS]f[ARGS]{"a": 1, "b": "?"}[TOOL_CALLS]g[ARGS]{}'),
    "mistral with ids": (
        "[TOOL_CALLS] [CALL_ID] [ARGS]",
        'Hm.[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{"a": 1, "b": "?"}[TOOL_CALLS]g[CALL_ID]abcdefghj[ARGS]{}',
    ),
    "deepseek r1": (
        "<｜tool▁calls▁begin｜> ```json",
        "Hm.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n"
        '{"a": 1, "b": "?"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    ),
    "deepseek v3.1": (
        "<｜tool▁calls▁begin｜>",
        'Hm.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1, "b": "?"}<｜tool▁call▁end｜>'
        "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    ),
    "deepseek v3.2": (
        "｜DSML｜",
        'Hm.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="a" string="false">1'
        '</｜DSML｜parameter>\n<｜DSML｜parameter name="b" string="true">?</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
        '<｜DSML｜invoke name="g">\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    ),
    "kimi k2": (
        "<|tool_calls_section_begin|>",
        "Hm.<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>"
        '{"a": 1, "b": "?"}<|tool_call_end|><|tool_call_begin|>functions.g:1<|tool_call_argument_begin|>{}'
        "<|tool_call_end|><|tool_calls_section_end|>",
    ),
    "minimax m2": (
        "<minimax:tool_call>",
        'Hm.\n<minimax:tool_call>\n<invoke name="f">\n<parameter name="a">1</parameter>\n'
        '<parameter name="b">?</parameter>\n</invoke>\n<invoke name="g">\n</invoke>\n</minimax:tool_call>',
    ),
    "atem": (
        "<atem:",
        'Hm.<atem:function_calls>\n<atem:invoke name="f">\n<atem:parameter name="a">1</atem:parameter>\n'
        '<atem:parameter name="b">?</atem:parameter>\n</atem:invoke>\n<atem:invoke name="g">\n</atem:invoke>\n'
        "</atem:function_calls>",
    ),
    "glm 4.5": (
        "<tool_call> <arg_key>",
        "Hm.\n<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n<arg_key>b</arg_key>\n"
        "<arg_value>?</arg_value>\n</tool_call>\n<tool_call>g\n</tool_call>",
    ),
    "qwen3-coder": (
        "<tool_call> <function=",
        "Hm.\n<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\n?\n</parameter>\n</function>\n"
        "</tool_call>\n<tool_call>\n<function=g>\n</function>\n</tool_call>",
    ),
    "qwen3-coder without the outer tag": (
        "<tool_call> <function=",
        "Hm.\n<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\n?\n</parameter>\n</function>\n"
        "</tool_call>\n<tool_call>\n<function=g>\n</function>\n</tool_call>",
    ),
    "seed-oss": (
        "<seed:tool_call>",
        "Hm.\n<seed:tool_call>\n<function=f>\n<parameter=a>1</parameter>\n<parameter=b>?</parameter>\n</function>\n"
        "<function=g>\n</function>\n</seed:tool_call>",
    ),
    "step 3": (
        "<steptml:",
        'Hm.<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="f">'
        '<steptml:parameter name="a">1</steptml:parameter><steptml:parameter name="b">?</steptml:parameter>'
        "</steptml:invoke><｜tool_call_end｜><｜tool_call_begin｜>function<｜tool_sep｜>"
        '<steptml:invoke name="g"></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>',
    ),
    "longcat": (
        "<longcat_tool_call>",
        'Hm.<longcat_tool_call>\n{"name": "f", "arguments": {"a": 1, "b": "?"}}\n</longcat_tool_call>\n'
        '<longcat_tool_call>{"name": "g", "arguments": {}}</longcat_tool_call>',
    ),
    "granite 3": (
        "<|tool_call|>",
        f"Hm.<|tool_call|>{LISTED}",
    ),
    "phi 4 mini": (
        "<|/tool_call|> <|tool_call|>",
        f"Hm.<|tool_call|>{LISTED}<|/tool_call|>",
    ),
    "hunyuan": (
        "<tool_calls>",
        f"Hm.\n<tool_calls>\n{LISTED}\n</tool_calls>",
    ),
    "minimax m1": (
        "<tool_calls>",
        'Hm.\n<tool_calls>\n{"name": "f", "arguments": {"a": 1, "b": "?"}}\n'
        '{"name": "g", "arguments": {}}\n</tool_calls>',
    ),
    "nemotron": (
        "<TOOLCALL>",
        f"Hm.<TOOLCALL>{LISTED}</TOOLCALL>",
    ),
    "functools": (
        "functools[",
        f"Hm. functools{LISTED}",
    ),
    "functionary 3.1": ("<function=", 'Hm.<function=f>{"a": 1, "b": "?"}</function>\n<function=g>{}</function>'),
    "functionary 3.2": (">>>all", '>>>all\nHm.>>>f\n{"a": 1, "b": "?"}>>>g\n{}'),
    "command r7b": (
        "<|START_ACTION|>",
        'Hm.<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "f", "parameters": {"a": 1, "b": "?"}},\n'
        '    {"tool_call_id": "1", "tool_name": "g", "parameters": {}}\n]<|END_ACTION|>',
    ),
    "command r": (
        'Action: "tool_name"',
        'Hm.\nAction: ```json\n[\n    {\n        "tool_name": "f",\n        "parameters": {"a": 1, "b": "?"}\n    },\n'
        '    {"tool_name": "g", "parameters": {}}\n]```',
    ),
    "internlm": (
        "<|action_start|>",
        'Hm.<|action_start|><|plugin|>\n{"name": "f", "parameters": {"a": 1, "b": "?"}}<|action_end|>\n'
        '<|action_start|><|plugin|>{"name": "g", "parameters": {}}<|action_end|>',
    ),
    "apertus": (
        "<|tools_prefix|>",
        'Hm.<|tools_prefix|>[{"f": {"a": 1, "b": "?"}}, {"g": {}}]<|tools_suffix|>',
    ),
    "gemma 4": (
        "<|tool_call>",
        'Hm.<|tool_call>call:f{a:1,b:<|"|>?<|"|>}<tool_call|><|tool_call>call:g{}<tool_call|>',
    ),
    "functiongemma": (
        "<start_function_call>",
        "Hm.<start_function_call>call:f{a:1,b:<escape>?<escape>}<end_function_call>"
        "<start_function_call>call:g{}<end_function_call>",
    ),
    "liquid": ("<|tool_call_start|>", "Hm.<|tool_call_start|>[f(a=1, b='?'), g()]<|tool_call_end|>"),
    "olmo 3": ("<function_calls>", 'Hm.<function_calls>\nf(a=1, b="?")\ng()\n</function_calls>'),
    "gemma 3": ("```tool_code", "Hm.\n```tool_code\nf(a=1, b='?')\ng()\n```"),
    "harmony": (
        "<|channel|> <|message|>",
        "<|channel|>commentary<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.f "
        '<|constrain|>json<|message|>{"a": 1, "b": "?"}<|call|><|start|>assistant to=functions.g<|channel|>commentary'
        " json<|message|>{}<|call|>",
    ),
}
WHOLE_REPLY = {
    "llama 4, pythonic": ("<|python_start|>", '<|python_start|>[f(a=1, b="?"), g()]<|python_end|>'),
    "llama 3.2, pythonic": ("func_name1(params", '[f(a=1, b="?"), g()]'),
    "llama 3": (
        '<|start_header_id|> "parameters"',
        '{"name": "f", "parameters": {"a": 1, "b": "?"}}; {"name": "g", "parameters": {}}',
    ),
    "llama 4": (
        '<|python_start|> "parameters"',
        '{"name": "f", "parameters": {"a": 1, "b": "?"}}; {"name": "g", "arguments": {}}<|python_end|>',
    ),
    "xlam": ("", '[{"name": "f", "arguments": {"a": 1, "b": "?"}}, {"name": "g", "arguments": {}}]'),
    "xlam, fenced": (
        "",
        '```json\n[{"name": "f", "arguments": {"a": 1, "b": "?"}}, {"name": "g", "arguments": {}}]\n```',
    ),
    "hermes that forgets its tag": (
        "<tool_call>",
        '{"name": "f", "arguments": {"a": 1, "b": "?"}}\n{"name": "g", "arguments": {}}',
    ),
}


def decoded(calls: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


@pytest.mark.parametrize("family", sorted(FAMILIES | WHOLE_REPLY))
def test_two_calls_of_a_family_come_out_with_the_text_before_them(family: str):
    template, raw = (FAMILIES | WHOLE_REPLY)[family]
    for pieces in ([raw], list(raw)):
        _, answer, calls = read(template, pieces, ANY)
        assert decoded(calls) == [F, G]
        assert answer == ("Hm." if family in FAMILIES else "")


@pytest.mark.parametrize("family", sorted(FAMILIES | WHOLE_REPLY))
def test_the_name_is_told_before_the_last_argument_is_written(family: str):
    template, raw = (FAMILIES | WHOLE_REPLY)[family]
    _, _, calls = read(template, [raw[: raw.index("?")]], ANY)
    assert [name for name, _ in calls] == ["f"]


UNMARKED = {
    *("functionary 3.2", "harmony"),  # all text has a marker
    *("qwen3-coder without the outer tag", "xlam, fenced", "hermes that forgets its tag"),  # not as they were taught
    "llama 4, pythonic",  # with a marker that never comes as text
}
"""Calls that cannot be told from other text while it is written."""


@pytest.mark.parametrize("family", sorted((FAMILIES | WHOLE_REPLY).keys() - UNMARKED))
def test_a_reply_may_be_text_or_text_and_then_a_call(family: str):
    template, raw = (FAMILIES | WHOLE_REPLY)[family]
    tools = [ToolSpec("f", "", ANY["f"]), ToolSpec("g", "", {})]
    free = ReplyGrammar(format_of(template), byte_tokenizer()).constraint(tools, ToolChoice())
    assert free is not None
    assert follow(free, byte_tokenizer(), "Hm.") == "whole"
    assert follow(free, byte_tokenizer(), raw[: raw.index("1") + 1]) == "open"


@pytest.mark.parametrize("family", sorted((FAMILIES | WHOLE_REPLY).keys() - UNMARKED))
def test_calls_that_are_forbidden_cannot_be_written(family: str):
    template, raw = (FAMILIES | WHOLE_REPLY)[family]
    tokenizer, tools = byte_tokenizer(), [ToolSpec("f", "", {}), ToolSpec("g", "", {})]
    for thinking, before in ((None, ""), (Thinking(markers_of("<think>"), inside=True), "So.</think>")):
        forbidden = ReplyGrammar(format_of(template), tokenizer).constraint(
            tools, ToolChoice("none"), thinking=thinking
        )
        for text in ("", "Hm. {world}", "It is [2, 3]. <tool"):
            assert follow(forbidden, tokenizer, before + text) == "whole"
        assert follow(forbidden, tokenizer, before + raw) not in ("whole", "open")


@given(st.sampled_from(sorted(FAMILIES | WHOLE_REPLY)), st.data())
def test_a_reply_of_any_family_may_break_off_and_be_cut_anywhere(family: str, data: st.DataObject):
    template, raw = (FAMILIES | WHOLE_REPLY)[family]
    raw = raw[: data.draw(st.integers(0, len(raw)))] + data.draw(
        st.sampled_from(["", "<", "}", '"', "\n", " and so on"])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert read(template, pieces, ANY) == read(template, [raw], ANY)


@pytest.mark.parametrize(
    ("template", "raw"),
    [
        ("<think>", "<think>\nHm.\n</think>\n\nYes."),
        ("[THINK]", "[THINK]Hm.[/THINK]Yes."),
        ("<seed:think>", "<seed:think>Hm.</seed:think>Yes."),
        ("<channel|>", "<|channel>thought\nHm.\n<channel|>Yes."),
        ("<|START_THINKING|>", "<|START_THINKING|>Hm.<|END_THINKING|>Yes."),
        ("<|START_THINKING|>", "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>"),
        ("<|START_RESPONSE|> <|END_THINKING|>", "<|START_RESPONSE|>Yes.<|END_RESPONSE|>"),
        ("<response>", "<think>Hm.</think>\n<response>Yes.</response>"),
        ("<thinking>", "<thinking>Hm.</thinking>\nYes."),
        (
            "[BEGIN FINAL RESPONSE]",
            "Here are my reasoning steps:\nHm.\n[BEGIN FINAL RESPONSE]\nYes.\n[END FINAL RESPONSE]",
        ),
        ("<start_of_turn>", "<unused94>thought\nHm.<unused95>Yes."),
        ("Here is my thought process:", "Here is my thought process: Hm.\n\nHere is my response: Yes."),
        ("<|inner_prefix|>", "<|inner_prefix|>Hm.<|inner_suffix|>Yes."),
        (
            "<|channel|> <|message|>",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
        ),
    ],
)
def test_reasoning_of_every_style_is_told_apart(template: str, raw: str):
    thought = "Hm." if "Hm." in raw else ""
    for pieces in ([raw], list(raw)):
        assert read(template, pieces) == (thought, "Yes.", [])


ITEMS = {"f": {"properties": {"a": {"type": "array"}, "b": {"type": "string"}}}}


@pytest.mark.parametrize("family", ["qwen3-coder", "minimax m2", "glm 4.5"])
def test_closing_tags_inside_a_list_belong_to_it_unless_the_list_is_broken(family: str):
    template, both = FAMILIES[family]
    tags = both[both.index("1") + 1 : both.index("?")].strip("\n")  # end of a value, begin of the next
    for value, a in (
        (json.dumps([f"x{tags}y", "z"]), [f"x{tags}y", "z"]),
        ('["x', '["x'),
        ("['it']", ["it"]),
    ):
        reply = both.replace("1", value, 1)
        for pieces in ([reply], list(reply)):
            _, _, calls = read(template, pieces, ITEMS)
            assert decoded(calls) == [("f", {"a": a, "b": "?"}), G]
