"""`call:name{key:<|"|>text<|"|>,other:5}` between markers: Gemma 4, and FunctionGemma with markers of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from engine.chat.tool_calls.argument_grammar import ArgumentGrammar
from engine.chat.tool_calls.base import (
    CallableTool,
    CallRules,
    Schemas,
    ToolCallParser,
    lark_string,
    styled_schema,
)
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.source import NotACall, Reader, ReplySource, Wait
from engine.chat.tool_calls.typed_value import Schema, json_text, resolved, types_of


@dataclass(frozen=True)
class Gemma:
    opener: str = "<|tool_call>"
    closer: str = "<tool_call|>"
    quote: str = '<|"|>'
    """Around every text."""
    name = "gemma"

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.opener, self.closer, self.quote)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        def read(source: ReplySource) -> Reader:
            yield from source.skip()
            yield from source.need("call:")
            more = "call:"
            while more:
                yield from _call(source, self.quote)
                yield from source.skip(" \t\r\n,")
                more = yield from source.take("call:")
            yield from source.take(self.closer)

        return block_parser({self.opener: read}, closers=(self.closer,))

    def grammar(self, rules: CallRules) -> str:
        lines: list[str] = []

        def write(tool: CallableTool) -> str:
            expression, more = self._arguments(rules, tool.schema).of(f"{tool.arguments}_a", tool.schema, tool.schema)
            lines.extend(more)
            return f"{lark_string(f'call:{tool.name}')} {expression}"

        call = f"{rules.each(write)} WHITE? {rules.marker(self.closer)}"
        further = f"WHITE? {rules.marker(self.opener)} {call}"
        quote = rules.marker(self.quote)
        text = f"quoted: {quote} TEXT {quote}"
        if not rules.is_token(self.quote):
            text = f"quoted: {quote} quoted_rest\nquoted_rest[lazy]: TEXT {quote}"
        anything = [
            'anything: quoted | %json {"type": ["number", "boolean", "null"]} | listed | keyed',
            'listed: "[" (anything ("," SPACE? anything)*)? "]"',
            'keyed: "{" (field ("," SPACE? field)*)? "}"',
            'field: /[^:,{}\\[\\]<"\\n ]{1,64}/ ":" anything',
        ]
        return "\n".join([f"{call} {rules.more(further)}", text, *anything, *lines])

    def _arguments(self, rules: CallRules, root: Schema) -> ArgumentGrammar:
        quote = rules.marker(self.quote)

        def value(rule: str, schema: Schema) -> tuple[str, list[str]]:
            types = types_of(schema, root)
            values = cast("list[object]", schema.get("enum", [schema["const"]] if "const" in schema else []))
            if values:
                texts = (
                    f"{quote} {lark_string(v)} {quote}" if isinstance(v, str) and v else lark_string(json.dumps(v))
                    for v in values
                )
                return rule, [f"{rule}: {' | '.join(texts)}"]
            if not types:
                return "anything", []
            alternatives, lines = ["quoted"] if "string" in types else [], list[str]()
            if "array" in types:
                items: Any = schema.get("items")
                item, lines = (
                    value(f"{rule}_i", resolved(root, items)) if isinstance(items, Mapping) else ("anything", [])
                )
                alternatives.append(f'"[" ({item} ("," SPACE? {item})*)? "]"')
            if "object" in types:
                expression, more = self._arguments(rules, root).of(f"{rule}_o", schema, root)
                alternatives.append(expression)
                lines += more
            if scalars := sorted(types - {"string", "array", "object"}):
                bounds = {key: number for key, number in schema.items() if key in _NUMBER_BOUNDS}
                alternatives.append(f"%json {styled_schema({'type': scalars, **bounds})}")
            return rule, [f"{rule}: {' | '.join(alternatives)}", *lines]

        return ArgumentGrammar(lambda name: lark_string(f"{name}:"), value, "field", '"{"', '"}"')


_NUMBER_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})


def _call(source: ReplySource, quote: str) -> Reader:
    """One call, after `call:`; its arguments are told one by one."""
    name = (yield from source.until("{")).strip()
    if not name:
        raise NotACall
    source.start(name)
    try:
        opening = "{"
        yield from source.need("{")
        yield from source.skip()
        while not (yield from source.take("}")):
            key = yield from _key(source, quote)
            source.argue(f"{opening}{json.dumps(key, ensure_ascii=False)}: {(yield from _value(source, quote))}")
            opening = ", "
            source.mark()
            yield from source.skip(" \t\r\n,")
        source.argue("{}" if opening == "{" else "}")
        source.mark()
    except NotACall:
        if source.ended:  # broken off: what there is of the last argument shows that
            source.rewind()
            source.argue(source.text)
            source.at = len(source.text)
            source.mark()
        raise


def _key(source: ReplySource, quote: str) -> Wait[str]:
    key = yield from source.until(":")
    yield from source.need(":")
    yield from source.skip()
    return key.strip().removeprefix(quote).removesuffix(quote).strip('"')


def _value(source: ReplySource, quote: str) -> Wait[str]:
    """JSON text of the value that stands here. Raises: NotACall when it does not end."""
    if (yield from source.take(quote)):
        text = yield from source.until(quote, limit=None)
        yield from source.take(quote)
        return json.dumps(text, ensure_ascii=False)
    first = yield from source.char()
    if first == '"':
        return json.dumps((yield from source.string()), ensure_ascii=False)
    if first not in ("[", "{"):
        return json_text((yield from source.until(",", "}", "]", limit=None)).strip(), {}, {})
    source.at += 1
    closing, parts = "]" if first == "[" else "}", list[str]()
    yield from source.skip()
    while not (yield from source.take(closing)):
        key = json.dumps((yield from _key(source, quote)), ensure_ascii=False) + ": " if first == "{" else ""
        parts.append(key + (yield from _value(source, quote)))
        yield from source.skip(" \t\r\n,")
    return first + ", ".join(parts) + closing
