"""Grammars for replies that may or must call tools: what a call may look like, and where it may stand.

Without a forced choice the text is free until a call's marker appears; from there to the end only calls to the
tools offered, with arguments after their schemas, can be written. All of it is one grammar for the whole reply.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from llguidance import LLMatcher
from tokenizers import Tokenizer

from engine.chat.messages import ToolChoice, ToolSpec
from engine.chat.reasoning import ReasoningMarkers
from engine.chat.tool_calls.base import (
    BareFormat,
    CallableTool,
    CallRules,
    ToolCallFormat,
    WholeReplyFormat,
    definitions_of,
    lark_string,
    styled_schema,
)
from engine.errors import InvalidRequest
from engine.request import Constraint

_TERMINALS = [r"TEXT: /(.|\n)*/", 'SPACE: " "', r"WHITE: /[ \n]{1,2}/"]
_COMBINING = frozenset({"$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "additionalProperties"})


@dataclass(frozen=True, slots=True)
class Thinking:
    """The reasoning a reply may begin with."""

    markers: ReasoningMarkers
    inside: bool
    """The prompt opened the block already."""
    closed: bool = False
    """The prompt closed it already, or it is not wanted: only what stands around the answer may come."""


@dataclass(frozen=True, slots=True)
class ReplyGrammar:
    """Makes constraints for one model: its call format and its vocabulary."""

    form: ToolCallFormat
    tokenizer: Tokenizer

    def constraint(
        self,
        tools: Sequence[ToolSpec],
        choice: ToolChoice,
        *,
        parallel: bool = True,
        answer: Constraint | None = None,
        thinking: Thinking | None = None,
    ) -> Constraint | None:
        """What the whole reply must follow; None when it is free.

        `answer`: the shape of the reply's text, where it is text.

        Raises: InvalidRequest when a schema is invalid, or a call is forced and none is possible.
        """
        callable_tools = _callable(tools, choice)
        whole = isinstance(self.form, WholeReplyFormat)
        forbidden = choice.mode == "none" and bool(tools) and answer is None
        if not callable_tools and not forbidden and (answer is None or (thinking is None and not whole)):
            return answer
        rules, start = self._thinking_rules(thinking)
        end = ""
        required = choice.mode == "required" and bool(callable_tools)
        if thinking is not None and thinking.markers.answer_start and not required:
            start += f" {self._marker(thinking.markers.answer_start)}?"
            end = f"{self._marker(thinking.markers.answer_end)}?"
        calls, arguments = self._calls(callable_tools, parallel)
        rules += [*_TERMINALS, *arguments]
        if isinstance(self.form, WholeReplyFormat):
            text = "TEXT" if answer is None else "@answer"
            rules += [f"reply: {self.form.reply(calls, required=required, answer=text)}"]
        elif callable_tools:
            rules += [*self._call_rules(calls), f"reply: {self._reply(choice, answer)}"]
        elif forbidden:
            rules += ["reply: plain", self._plain()]
        else:
            rules += ["reply: @answer"]
        lark = "\n".join(["%llguidance {}", f"start: {start} reply {end}", *rules])
        if answer is None or required:
            return Constraint("lark", lark)
        return Constraint("llguidance", json.dumps({"grammars": [{"lark_grammar": lark}, *_as_grammars(answer)]}))

    def _reply(self, choice: ToolChoice, answer: Constraint | None) -> str:
        opener = self.form.opener
        opened_calls = "calls" if opener is None else f"WHITE? {self._marker(opener)} calls"
        if choice.mode == "required":
            return opened_calls
        if answer is not None:
            return f"@answer | {opened_calls}"
        return "plain | calls" if opener is None else "TEXT | head calls"

    def _calls(self, tools: Sequence[ToolSpec], parallel: bool) -> tuple[CallRules, list[str]]:
        """What a format writes calls with, and the rules of their arguments."""
        schemas = [arguments_schema(tool) for tool in tools]
        named = [CallableTool(tool.name, f"arguments_{i}", schemas[i]) for i, tool in enumerate(tools)]
        rules = CallRules(named, self._marker, lambda text: self._token_of(text) is not None, parallel, self._up_to)
        return rules, [f"{tool.arguments}: %json {styled_schema(tool.schema)}" for tool in named]

    def _call_rules(self, calls: CallRules) -> list[str]:
        rules = [f"calls: {self.form.grammar(calls)}"]
        if self.form.opener is None:
            return [*rules, self._plain()]
        return [*rules, *self._up_to("head", self.form.opener)]

    def _plain(self) -> str:
        """Text without calls."""
        if self.form.opener is None:
            calls = rf"/(?s:\s*{cast('BareFormat', self.form).bare_start}.*)/"
        else:
            calls = f"/(?s:.*)/ {lark_string(self.form.opener)} /(?s:.*)/"
        return f"plain: PLAIN\nPLAIN: /(?s:.*)/ & ~({calls})"

    def _thinking_rules(self, thinking: Thinking | None) -> tuple[list[str], str]:
        """Rules, and what the reply begins with."""
        if thinking is None or thinking.closed:
            return [], ""
        start = "thought" if thinking.inside else f"(WHITE? {self._marker(thinking.markers.start)} thought)?"
        rules = ["thought: thinking GAP?", r"GAP: /\n{1,2}/", *self._up_to("thinking", thinking.markers.end)]
        return rules, start

    def _marker(self, text: str) -> str:
        """The marker as a special token, where the vocabulary has it or how it begins as one, or spelled out."""
        prefixes = (text[:end] for end in range(len(text), 0, -1))
        token = next((prefix for prefix in prefixes if self._token_of(prefix) is not None), "")
        if not token:
            return lark_string(text)
        rest = lark_string(text.removeprefix(token)) if token != text else ""
        return f"(<[{self._token_of(token)}]> {rest} | {lark_string(text)})"

    def _up_to(self, rule: str, marker: str) -> list[str]:
        """`rule`: any text that ends with the first `marker`."""
        token_id = self._token_of(marker)
        alternatives = [f"{rule}_spelled"] if token_id is None else [f"TEXT <[{token_id}]>", f"{rule}_spelled"]
        return [f"{rule}: {' | '.join(alternatives)}", f"{rule}_spelled[lazy]: TEXT {lark_string(marker)}"]

    def _token_of(self, text: str) -> int | None:
        token_id = self.tokenizer.token_to_id(text)
        return token_id if token_id in self.tokenizer.get_added_tokens_decoder() else None


def json_constraint(schema: Mapping[str, Any] | None = None, *, param: str = "response_format") -> Constraint:
    """An answer that is JSON after `schema`; any JSON object without one.

    Raises: InvalidRequest when llguidance refuses the schema.
    """
    text = styled_schema({"type": "object"} if schema is None else schema)
    if mistake := _schema_mistake(text):
        raise InvalidRequest(f"Invalid JSON schema: {mistake}", param=param)
    return Constraint("json_schema", text)


def arguments_schema(tool: ToolSpec) -> Mapping[str, Any]:
    """The schema a call's arguments are held to while they are generated.

    Raises: InvalidRequest naming the tool whose schema is no schema of an object.
    """
    schema = dict(tool.parameters)
    if schema.setdefault("type", "object") != "object":
        raise InvalidRequest(
            f"The parameters of tool {tool.name!r} must be a JSON schema of type 'object', not {schema['type']!r}.",
            param="tools",
        )
    if mistake := _schema_mistake(styled_schema(schema)):
        raise InvalidRequest(
            f"The parameters of tool {tool.name!r} are not a valid JSON schema: {mistake}", param="tools"
        )
    if not tool.strict:
        return {"type": "object"}
    if "properties" in schema and not _COMBINING & schema.keys():
        schema["additionalProperties"] = False  # arguments nobody described are never meant
        required, properties = schema.get("required", ()), cast("Mapping[str, Any]", schema["properties"])
        schema["properties"] = {k: v for k, v in properties.items() if k in required or _has_value(v, schema)}
    return schema


def _has_value(described: Any, root: Mapping[str, Any]) -> bool:
    """Whether an argument can be written at all; one that cannot is left out."""
    return not isinstance(described, Mapping) or not _schema_mistake(
        styled_schema({**definitions_of(root), **cast("Mapping[str, Any]", described)})
    )


def _callable(tools: Sequence[ToolSpec], choice: ToolChoice) -> tuple[ToolSpec, ...]:
    known = {tool.name for tool in tools}
    unknown = [name for name in choice.names if name not in known]
    if unknown:
        offered = ", ".join(sorted(known)) or "none"
        raise InvalidRequest(
            f"tool_choice names {unknown[0]!r}; the tools offered are: {offered}.", param="tool_choice"
        )
    if choice.mode == "required" and not tools:
        raise InvalidRequest("tool_choice requires a tool call, but no tools are offered.", param="tool_choice")
    return choice.allowed(tools)


@lru_cache(maxsize=512)
def _schema_mistake(schema_text: str) -> str:
    """What is wrong with a schema; empty when nothing is."""
    return LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(schema_text))


def _as_grammars(answer: Constraint) -> list[dict[str, Any]]:
    """A constraint as llguidance grammars, the first one named `answer`."""
    if answer.kind == "lark":
        return [{"name": "answer", "lark_grammar": answer.grammar}]
    serialised = {
        "json_schema": LLMatcher.grammar_from_json_schema,
        "regex": LLMatcher.grammar_from_regex,
        "llguidance": str,
    }[answer.kind](answer.grammar)
    try:
        first, *others = cast("list[dict[str, Any]]", json.loads(serialised)["grammars"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(
            f"Invalid grammar: not a list of llguidance grammars ({error}).", param="grammar"
        ) from error
    return [{**first, "name": "answer"}, *others]
