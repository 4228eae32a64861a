"""Forced calls to real functions by something that knows nothing: every one can be read and fits its schema."""

from __future__ import annotations

import random

import pytest
from jsonschema import Draft202012Validator

from engine.chat.tool_calls.base import ToolCallFormat
from engine.chat.tool_calls.formats import KNOWN_FORMATS
from tests.engine.chat.random_calls import FUNCTIONS, RandomModel, read, tool


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "ordinary"])
@pytest.mark.parametrize("position", range(len(KNOWN_FORMATS)), ids=lambda i: f"{i}-{KNOWN_FORMATS[i].name}")
def test_forced_calls_to_real_functions_parse_and_fit_their_schemas(position: int, strict: bool):
    form, draw = KNOWN_FORMATS[position], random.Random(position)
    for function, tokens in zip(draw.sample(FUNCTIONS, 2), (True, False), strict=True):
        tools = [tool(function, strict=strict)]
        reply = RandomModel(form, tokens=tokens).call(tools, draw)
        text, calls = read(form, tools, reply)
        assert [called for called, _ in calls] == [tools[0].name], reply
        assert text.strip() == "", reply
        schema = function["parameters"] if strict else {"type": "object"}
        assert not list(Draft202012Validator(schema).iter_errors(calls[0][1])), reply


@pytest.mark.parametrize("form", KNOWN_FORMATS, ids=lambda form: form.name)
def test_digits_that_the_schema_calls_a_string_come_back_as_one(form: ToolCallFormat):
    counts = {"type": "string", "enum": ["1", "2", "true"]}
    parameters = {"type": "object", "properties": {"rooms": counts}, "required": ["rooms"]}
    tools = [tool({"name": "book", "parameters": parameters}, strict=True)]
    reply = RandomModel(form, tokens=False).call(tools, random.Random(1))
    assert read(form, tools, reply)[1][0][1]["rooms"] in counts["enum"], reply
