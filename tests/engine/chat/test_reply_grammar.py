from __future__ import annotations

import json
import random

import numpy as np
import pytest
from tokenizers import Tokenizer

from engine.chat.grammar import ReplyGrammar, Thinking, arguments_schema, json_constraint
from engine.chat.messages import ToolChoice, ToolSpec
from engine.chat.reasoning import markers_of
from engine.chat.tool_calls.formats import format_of
from engine.errors import InvalidRequest
from engine.loading.source import resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from engine.request import Constraint
from engine.sampling.constraint import ConstraintCompiler
from tests.engine.chat.replies import STOP, byte_tokenizer, follow, read_calls

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
WEATHER, ADD = (
    ToolSpec("weather", "", CITY),
    ToolSpec('a"dd', "", {"type": "object", "properties": {"x": {"enum": [1, 2]}}}),
)
TOOLS = [WEATHER, ADD]
THINK = markers_of("<think>")
HERMES, LLAMA = format_of("<tool_call>"), format_of('<|start_header_id|>"parameters"')
NEMO, V11, BARE = format_of("[TOOL_CALLS]"), format_of("[TOOL_CALLS] [ARGS]"), format_of("")
ONE = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome", "days":3}}\n</tool_call>'
TWO = '<tool_call>\n{"name": "a\\"dd", "arguments": {"x": 2}}\n</tool_call>'


TEXT_ONLY = byte_tokenizer()
WITH_TOKENS = byte_tokenizer(
    special=("[TOOL_CALLS]", "[ARGS]", "<think>", "<|python_tag|>"), plain=("<tool_call>", "</tool_call>")
)
BOTH = pytest.mark.parametrize("tokenizer", [TEXT_ONLY, WITH_TOKENS], ids=["spelled", "tokens"])


def grammar(form, tokenizer, mode="auto", tools=TOOLS, *, names=(), **options) -> Constraint:
    constraint = ReplyGrammar(form, tokenizer).constraint(tools, ToolChoice(mode, names), **options)
    assert constraint is not None
    return constraint


@BOTH
def test_auto_leaves_text_free_and_holds_calls_to_the_tools(tokenizer: Tokenizer):
    auto = grammar(HERMES, tokenizer)
    for reply in ["", "Hello, {world}. <tool", ONE, f"Let me see.\n{ONE}", f"{ONE}\n{TWO}"]:
        assert follow(auto, tokenizer, reply) == "whole"
    assert follow(auto, tokenizer, 'Hm <tool_call>\n{"name": "other') == 'Hm <tool_call>\n{"name": "'
    assert follow(auto, tokenizer, "<tool_call> is a tag") == "<tool_call> "
    assert follow(auto, tokenizer, ONE + "and text") == ONE
    wrong_type = ONE.replace("3", '"3"')
    assert follow(auto, tokenizer, wrong_type) == wrong_type.partition('"3"')[0]


@BOTH
def test_white_space_inside_arguments_is_bounded(tokenizer: Tokenizer):
    auto = grammar(HERMES, tokenizer)
    start = '<tool_call>\n{"name": "weather", "arguments": {'
    assert follow(auto, tokenizer, start + " ") == start
    assert follow(auto, tokenizer, start + '"city":  "R') == start + '"city": '


@BOTH
def test_required_is_calls_and_nothing_else(tokenizer: Tokenizer):
    required = grammar(HERMES, tokenizer, "required")
    assert follow(required, tokenizer, ONE) == "whole"
    assert follow(required, tokenizer, f"{TWO}\n{ONE}") == "whole"
    assert follow(required, tokenizer, "Sure") == ""
    assert follow(required, tokenizer, "<tool_call>") == "open"


def test_a_named_tool_is_the_only_one_that_can_be_called():
    named = grammar(HERMES, TEXT_ONLY, "required", names=("weather",))
    assert follow(named, TEXT_ONLY, ONE) == "whole"
    assert follow(named, TEXT_ONLY, TWO) == '<tool_call>\n{"name": "'


def test_without_parallel_calls_there_is_exactly_one():
    single = grammar(HERMES, TEXT_ONLY, "required", parallel=False)
    assert follow(single, TEXT_ONLY, ONE) == "whole"
    assert follow(single, TEXT_ONLY, f"{ONE}\n{TWO}") == ONE


@BOTH
@pytest.mark.parametrize(
    ("form", "reply"),
    [
        (LLAMA, '{"name": "weather", "parameters": {"city": "Rome"}}; {"name": "a\\"dd", "parameters": {}}'),
        (NEMO, '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Rome"}}, {"name": "a\\"dd", "arguments": {}}]'),
        (V11, '[TOOL_CALLS]weather[ARGS]{"city": "Rome"}[TOOL_CALLS]weather[ARGS]{"city": "Ulm"}'),
        (BARE, '{"name": "weather", "arguments": {"city": "Rome"}}\n{"name": "a\\"dd", "arguments": {}}'),
    ],
)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_every_format_can_be_forced_and_its_schema_holds(form, reply: str, tokenizer: Tokenizer, mode):
    constraint = grammar(form, tokenizer, mode)
    assert follow(constraint, tokenizer, reply) == "whole"
    assert follow(constraint, tokenizer, reply.replace('"Rome"', "7")) == reply.partition('"Rome"')[0]
    assert follow(constraint, tokenizer, "Text.") == ("whole" if mode == "auto" else "")


def test_llamas_python_tag_begins_a_call_too():
    tagged = '<|python_tag|>{"name": "weather", "parameters": {"city": "Rome"}}'
    assert follow(grammar(LLAMA, WITH_TOKENS), WITH_TOKENS, tagged) == "whole"
    assert follow(grammar(LLAMA, WITH_TOKENS), WITH_TOKENS, tagged.replace("weather", "wealth")).endswith('"wea')


def test_an_answer_in_json_is_free_where_calls_have_no_marker():
    auto = grammar(LLAMA, TEXT_ONLY)
    assert follow(auto, TEXT_ONLY, '{"city": "Rome"}') == "whole"
    assert follow(auto, TEXT_ONLY, '{"name": "Bob"}') == '{"name": "'


@BOTH
def test_a_reply_may_think_before_a_forced_call(tokenizer: Tokenizer):
    closed = grammar(HERMES, tokenizer, "required", thinking=Thinking(THINK, inside=False))
    opened = grammar(HERMES, tokenizer, "required", thinking=Thinking(THINK, inside=True))
    thought = "A {} <tag> is next.\n</think>\n\n"
    assert follow(closed, tokenizer, ONE) == "whole"
    assert follow(closed, tokenizer, f"<think>{thought}{ONE}") == "whole"
    assert follow(closed, tokenizer, "Text") == ""
    assert follow(opened, tokenizer, thought + ONE) == "whole"
    assert follow(opened, tokenizer, "Just a thought.") == "open"
    auto = grammar(HERMES, tokenizer, thinking=Thinking(THINK, inside=True))
    assert follow(auto, tokenizer, thought + "Done.") == "whole"


@BOTH
@pytest.mark.parametrize(
    "answer",
    [
        json_constraint({"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}),
        Constraint("regex", r'\{"a": 1\}'),
        Constraint("lark", 'start: "{\\"a\\": " ONE "}"\nONE: "1"'),
        Constraint("llguidance", json.dumps({"grammars": [{"lark_grammar": 'start: "{\\"a\\": 1}"'}]})),
    ],
    ids=lambda answer: answer.kind,
)
def test_with_a_response_format_a_reply_is_that_or_calls(answer: Constraint, tokenizer: Tokenizer):
    auto = grammar(HERMES, tokenizer, answer=answer)
    assert follow(auto, tokenizer, '{"a": 1}') == "whole"
    assert follow(auto, tokenizer, ONE) == "whole"
    assert follow(auto, tokenizer, "Text") == ""


def test_a_constrained_answer_may_follow_reasoning():
    answer = json_constraint()
    thinking = Thinking(THINK, inside=True)
    constraint = grammar(HERMES, TEXT_ONLY, tools=[], answer=answer, thinking=thinking)
    assert follow(constraint, TEXT_ONLY, 'Hm.</think>\n\n{"any": [1, "x"]}') == "whole"
    assert follow(constraint, TEXT_ONLY, "Hm.</think>No") == "Hm.</think>"


def test_without_tools_the_constraint_is_the_requests_own():
    answer, free = json_constraint(), ReplyGrammar(HERMES, TEXT_ONLY)
    assert free.constraint([], ToolChoice(), answer=answer) is answer
    assert free.constraint(TOOLS, ToolChoice("none"), answer=answer) is answer
    assert free.constraint([], ToolChoice(), thinking=Thinking(THINK, inside=True)) is None


def test_json_objects_of_any_kind_can_be_asked_for():
    assert follow(json_constraint(), TEXT_ONLY, '{"a": [1, {"b": null}]}') == "whole"
    assert follow(json_constraint(), TEXT_ONLY, "[1]") == ""
    with pytest.raises(InvalidRequest, match="Invalid JSON schema") as caught:
        json_constraint({"type": "nonsense"})
    assert caught.value.param == "response_format"


def test_only_strict_tools_are_held_to_their_schema():
    loose = grammar(HERMES, TEXT_ONLY, tools=[ToolSpec("weather", "", CITY, strict=False)])
    assert follow(loose, TEXT_ONLY, ONE.replace('"city"', '"town"')) == "whole"


def test_references_inside_a_tools_schema_resolve():
    schema = {"type": "object", "$defs": {"c": {"enum": ["Rome"]}}, "properties": {"city": {"$ref": "#/$defs/c"}}}
    constraint = grammar(HERMES, TEXT_ONLY, tools=[ToolSpec("weather", "", schema)])
    assert follow(constraint, TEXT_ONLY, ONE.replace(', "days":3', "")) == "whole"
    assert follow(constraint, TEXT_ONLY, ONE.replace("Rome", "Ulm")).endswith('{"city": "')


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"type": "objectt"}, "type 'object', not 'objectt'"),
        ({"type": "string"}, "type 'object', not 'string'"),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "strin"),
        ({"type": "object", "properties": [1]}, "properties must be an object"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/nowhere"}}}, "does not exist"),
    ],
)
def test_an_invalid_tool_schema_is_refused_by_name(parameters: dict, complaint: str):
    with pytest.raises(InvalidRequest, match=complaint) as caught:
        arguments_schema(ToolSpec("broken_tool", "", parameters))
    assert caught.value.param == "tools"
    assert "broken_tool" in str(caught.value)


@pytest.mark.parametrize(
    ("tools", "choice", "complaint"),
    [
        (TOOLS, ToolChoice.named("nope"), "'nope'; the tools offered are: a\"dd, weather"),
        ([], ToolChoice("required"), "no tools are offered"),
    ],
)
def test_a_choice_that_cannot_be_met_is_refused(tools, choice: ToolChoice, complaint: str):
    with pytest.raises(InvalidRequest, match=complaint) as caught:
        ReplyGrammar(HERMES, TEXT_ONLY).constraint(tools, choice)
    assert caught.value.param == "tool_choice"


@pytest.fixture(scope="module")
def smollm2() -> Tokenizer:
    """The default model's real vocabulary."""
    return load_tokenizer(resolve(ModelOptions(), lambda _: None))


@pytest.mark.parametrize("form", [HERMES, LLAMA, NEMO, V11, BARE], ids=lambda f: f"{f.name}")
@pytest.mark.parametrize("vocabulary", ["spelled", "tokens", "smollm2"])
def test_whatever_a_random_model_writes_under_a_forced_grammar_is_a_valid_call(form, vocabulary: str, request):
    synthetic = {"spelled": TEXT_ONLY, "tokens": WITH_TOKENS}
    tokenizer = synthetic.get(vocabulary) or request.getfixturevalue("smollm2")
    end = tokenizer.token_to_id("<|im_end|>" if vocabulary == "smollm2" else STOP)
    compiler = ConstraintCompiler(tokenizer, tokenizer.get_vocab_size(), (end,))
    values = ["a<", 7, None]
    schema = {"type": "object", "properties": {"x": {"enum": values}, "y": {"type": "string", "maxLength": 9}}}
    tools = [ToolSpec("pick", "", schema | {"required": ["x"]}), ToolSpec("pass", "", {"properties": {}})]
    draw = random.Random(1)
    for _ in range(5):
        state = compiler.compile(grammar(form, tokenizer, "required", tools))
        ids: list[int] = []
        while not state.is_finished:
            bits = np.unpackbits(state.mask().view(np.uint8), bitorder="little")
            ids.append(draw.choice(bits.nonzero()[0].tolist()))
            if ids[-1] == end:
                break
            assert state.accept(ids[-1])
        reply = tokenizer.decode([i for i in ids if i != end], skip_special_tokens=False)
        text, calls = read_calls(form.parser(), reply)
        assert text == ""
        assert calls
        for name, arguments in calls:
            body = json.loads(arguments)
            assert (name == "pick" and body["x"] in values and body.keys() <= {"x", "y"}) or (name, body) == (
                "pass",
                {},
            )


def test_markers_around_reasoning_and_answer_may_be_special_tokens_or_begin_with_one():
    tokenizer = byte_tokenizer(special=("<|channel>", "<channel|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"))
    gemma, cohere = markers_of("<channel|>"), markers_of("<|START_RESPONSE|> <|START_THINKING|>")
    assert gemma
    assert cohere
    thinks = grammar(HERMES, tokenizer, thinking=Thinking(gemma, inside=False))
    assert follow(thinks, tokenizer, f"<|channel>thought\nHm.<channel|>{ONE}") == "whole"
    for thinking in (Thinking(cohere, inside=False), Thinking(cohere, inside=False, closed=True)):
        auto = grammar(HERMES, tokenizer, thinking=thinking)
        assert follow(auto, tokenizer, "<|START_RESPONSE|>Yes.<|END_RESPONSE|>") == "whole"
        forced = grammar(HERMES, tokenizer, "required", thinking=thinking)
        assert follow(forced, tokenizer, "<|START_RESPONSE|>") == ""
