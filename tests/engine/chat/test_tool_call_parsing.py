from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat.tool_calls.base import CallArguments, CallStart, Text
from engine.chat.tool_calls.formats import format_of
from tests.engine.chat.replies import read_calls

FORMATS = {
    "hermes": format_of("<tool_call>"),
    "llama3": format_of('<|start_header_id|> "parameters"'),
    "mistral": format_of("[TOOL_CALLS]"),
    "json": format_of(""),
}


def read(name: str, raw: str) -> tuple[str, list[tuple[str, str]]]:
    return read_calls(FORMATS[name].parser(), raw)


@pytest.mark.parametrize(
    ("form", "raw", "text", "calls"),
    [
        ("hermes", "Just text.\n", "Just text.\n", []),
        (
            "hermes",
            'Let me see.\n\n<tool_call>\n{"name": "f", "arguments": {"a": {"b": ["}"]}}}\n</tool_call>\n',
            "Let me see.",
            [("f", '{"a": {"b": ["}"]}}')],
        ),
        (
            "hermes",
            '<tool_call>{"name":"f","arguments":{}}</tool_call>\n<tool_call>{"name":"g"}</tool_call>Done.',
            "Done.",
            [("f", "{}"), ("g", "{}")],
        ),
        ("hermes", '<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>', "", [("f", '{"a": 1}')]),
        (
            "hermes",
            '<tool_call>[{"name": "f", "arguments": {}},\n {"name": "g"}]</tool_call>',
            "",
            [("f", "{}"), ("g", "{}")],
        ),
        (
            "hermes",
            '<tool_call>{"name": "f", "arguments": "{\\"a\\": \\"</tool_call>\\"}"}</tool_call>',
            "",
            [("f", '{"a": "</tool_call>"}')],
        ),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": 1}</tool_call> x', " x", [("f", '{"a": 1}')]),
        (
            "hermes",
            '<tool_call>{"name": "f", "arguments": {"a": "\\u00e9 \\" {"}}',
            "",
            [("f", '{"a": "\\u00e9 \\" {"}')],
        ),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": "on', "", [("f", '{"a": "on')]),
        (
            "hermes",
            '<tool_call>{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}</tool_call>',
            "",
            [("f", '{"a": 1}')],
        ),
        ("llama3", '<|python_tag|>{"name": "f", "parameters": {"a": 1}}', "", [("f", '{"a": 1}')]),
        (
            "llama3",
            '\n{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}',
            "",
            [("f", "{}"), ("g", "{}")],
        ),
        ("llama3", '{"type": "function", "name": "f", "parameters": {"a": 1}}', "", [("f", '{"a": 1}')]),
        (
            "json",
            '[{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}]',
            "",
            [("f", '{"a": 1}'), ("g", "{}")],
        ),
        (
            "mistral",
            'Hm.[TOOL_CALLS]f[CALL_ID]c0[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}',
            "Hm.",
            [("f", '{"a": 1}'), ("g", "{}")],
        ),
    ],
)
def test_calls_come_out_whole_and_markup_does_not_leak(form: str, raw: str, text: str, calls: list):
    assert read(form, raw) == (text, calls)


@pytest.mark.parametrize(
    ("form", "raw"),
    [
        ("hermes", "a < b and <tool"),
        ("hermes", "The tag <tool_call> begins a call."),
        ("hermes", "<tool_call></tool_call>"),
        ("hermes", "<tool_call>{'name': 'f'}</tool_call>"),
        ("hermes", '<tool_call>{"name": 3, "arguments": {}}</tool_call>'),
        ("hermes", '<tool_call>{"name": "f", "argum'),
        ("hermes", '{"city": "Paris", "name": "x"}'),
        ("json", '{"name": "Bob"}'),
        ("json", "[1] a footnote, [2] another"),
        ("json", 'Here: {"name": "f", "arguments": {}}'),
        ("mistral", "[TOOL_CALLS]sorry,\nno"),
        ("llama3", "{ not json"),
        ("llama3", "  "),
    ],
)
def test_what_is_no_call_is_text_and_nothing_of_it_is_lost(form: str, raw: str):
    assert read(form, raw) == (raw, [])


def test_the_name_and_the_arguments_stream_while_the_call_is_written():
    parser = FORMATS["hermes"].parser()
    assert parser.feed('Hi <tool_call>\n{"name": "f", "arguments": ') == [Text("Hi")]
    assert parser.feed('{"a": "x') == [CallStart("f"), CallArguments('{"a": "x')]
    assert parser.feed('y"}}\n</tool_') == [CallArguments('y"}')]
    assert parser.feed("call>") == []


def test_json_that_is_an_answer_is_shown_as_soon_as_it_cannot_be_a_call():
    assert FORMATS["json"].parser().feed('{"city":') == [Text('{"city":')]


FRAGMENTS = [
    *("<tool_call>", "</tool_call>", '{"name":"f","arguments":', '{"a":1}', "}", "{", "[", "]", '"', "\\", "x", "<"),
    *(",", ";", '{"b":', "true", "[TOOL_CALLS]", "f[ARGS]", "<|python_tag|>", "\n", " "),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)


@st.composite
def replies(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, dict]]]:
    calls = draw(st.lists(st.tuples(st.text(min_size=1, max_size=6), ARGUMENTS), min_size=1, max_size=3))
    form, indent = draw(st.sampled_from(["hermes", "llama3", "mistral", "json"])), draw(st.sampled_from([None, 2]))
    ascii_only = draw(st.booleans())
    key = "parameters" if form == "llama3" else "arguments"
    objects = [json.dumps({"name": n, key: a}, indent=indent, ensure_ascii=ascii_only) for n, a in calls]
    raw = {
        "hermes": "\n".join(f"<tool_call>\n{o}\n</tool_call>" for o in objects),
        "llama3": "<|python_tag|>" + "; ".join(objects),
        "mistral": "[TOOL_CALLS][" + ", ".join(objects) + "]",
        "json": "\n".join(objects),
    }[form]
    return form, raw, calls


@given(replies(), st.data())
def test_any_arguments_survive_any_split(reply: tuple[str, str, list[tuple[str, dict]]], data: st.DataObject):
    form, raw, calls = reply
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    text, read_back = read_calls(FORMATS[form].parser(), *pieces)
    assert [(name, json.loads(arguments)) for name, arguments in read_back] == calls
    assert text == ""


@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(
        st.sampled_from(FRAGMENTS),
        max_size=10,
    ).map("".join),
)
def test_broken_replies_give_the_same_result_however_they_are_split(form: str, raw: str):
    assert read_calls(FORMATS[form].parser(), *raw) == read(form, raw)
