"""Calls written as tags around untyped values: their grammar.

Parameters come in the order of the schema, as in llguidance's own objects. A free text holds no closing tag with markup
after it: there the reader takes it to end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from llguidance import LLMatcher

from engine.chat.tool_calls.base import CallableTool, CallRules, definitions_of, lark_regex, lark_string, styled_schema
from engine.chat.tool_calls.typed_value import Schema, is_plain_string, property_schema, types_of
from engine.chat.tool_calls.xml_calls import XmlTags

_COMBINING = frozenset({"allOf", "anyOf", "oneOf", "not", "if"})


def xml_call(rules: CallRules, tags: XmlTags, *closers: str) -> tuple[str, str]:
    """Lark expression of one call to any of the tools, and the rules it needs. `closers`: may follow calls."""
    writers = [_ToolWriter(tool, tags, rules) for tool in rules.tools]
    markup = "|".join(lark_regex(text) for text in (tags.key, tags.call_end, *closers) if text)
    ended = rf"(?s:.*){lark_regex(tags.value_end)}[ \t\r\n]*({markup})(?s:.*)"
    lines = [f"FREE: /(?s:.*)/ & ~/{ended}/", *(line for writer in writers for line in writer.lines())]
    return f"({' | '.join(writer.call() for writer in writers)})", "\n".join(lines)


@dataclass(frozen=True)
class _ToolWriter:
    tool: CallableTool
    tags: XmlTags
    rules: CallRules

    @property
    def _properties(self) -> list[str]:
        return list(cast("Mapping[str, Any]", self.tool.schema.get("properties") or {}))

    def _may_end_before(self, position: int) -> bool:
        """Whether all parameters from `position` on may be left out."""
        required = cast("Sequence[str]", self.tool.schema.get("required") or ())
        return not any(name in required for name in self._properties[position:])

    def _rule(self, kind: str, position: int) -> str:
        return f"{self.tool.arguments}_{kind}{position}"

    def call(self) -> str:
        tags, marker = self.tags, self.rules.marker
        head = lark_string(f"{tags.quote}{self.tool.name}{tags.quote}{tags.name_end.strip()}")
        begin = f"{marker(tags.call)} {head}" if tags.call else head
        more = [f"{marker(tags.key)} {self._rule('k', 0)}"] if self._properties or self._is_open else []
        ends = [marker(tags.call_end)] if self._may_end_before(0) else []
        return f"{begin} WHITE? ({' | '.join(more + ends)})"

    @property
    def _is_open(self) -> bool:
        """Nothing is known of its parameters."""
        return not self._properties and self.tool.schema.get("additionalProperties") is not False

    def lines(self) -> list[str]:
        if self._is_open:
            return self._open_lines()
        return [line for i in range(len(self._properties)) for line in self._parameter(i)]

    def _parameter(self, i: int) -> list[str]:
        """From after the tag that comes before a name: parameter `i`, or a later one where it may be left out."""
        name, last = self._properties[i], i + 1 == len(self._properties)
        skips = not last and name not in cast("Sequence[str]", self.tool.schema.get("required") or ())
        begin = f"{self._key(lark_string(f'{self.tags.quote}{name}{self.tags.quote}'), self._is_string(name))}"
        after = [] if last else [(self.tags.key, self._rule("k", i + 1))]
        after += [(self.tags.call_end, "")] if self._may_end_before(i + 1) else []
        alternatives, lines = self._value(i, property_schema(self.tool.schema, name), after)
        later = f" | {self._rule('k', i + 1)}" if skips else ""
        return [
            f"{self._rule('k', i)}: {begin} {self._rule('v', i)}{later}",
            f"{self._rule('v', i)}: {' | '.join(alternatives)}",
            *lines,
        ]

    def _open_lines(self) -> list[str]:
        key, value = self._rule("k", 0), self._rule("v", 0)
        name = rf'/{self.tags.quote}[^<>"\n]{{1,64}}{self.tags.quote}/'
        after = [(self.tags.key, key), (self.tags.call_end, "")]
        alternatives, lines = self._value(0, {}, after)
        return [f"{key}: {self._key(name, True)} {value}", f"{value}: {' | '.join(alternatives)}", *lines]

    def _is_string(self, name: str) -> bool:
        schema, root = property_schema(self.tool.schema, name), self.tool.schema
        return is_plain_string(schema, root) or _value_expression(schema, root) is None

    def _key(self, name: str, is_string: bool) -> str:
        """A parameter's name to where its value begins."""
        attribute = f' string="{str(is_string).lower()}"' if self.tags.string_attribute else ""
        end = lark_string(attribute + self.tags.key_end) if attribute else self.rules.marker(self.tags.key_end)
        return f"{name} {end} WHITE? {self.rules.marker(self.tags.value)}" if self.tags.value else f"{name} {end}"

    def _value(self, i: int, schema: Schema, after: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
        """A value with each of the tags that may follow it: alternatives, and the rules they need."""
        tags, marker = self.tags, self.rules.marker
        expression = _value_expression(schema, self.tool.schema)
        if expression is not None:
            rule, broken = self._rule("j", i), r'"\n"? ' if tags.line_breaks else ""
            alternatives = [
                f"{broken}{rule} {broken}{marker(tags.value_end)} WHITE? {marker(tag)} {then}" for tag, then in after
            ]
            return alternatives, [f"{rule}: {expression}"]
        text, lines = "FREE", list[str]()
        if bounded := _bounded_text(schema):
            bound, text = self._rule("B", i).upper(), self._rule("T", i).upper()
            broken = r'"\n"' if tags.line_breaks else ""
            lines = [f"{bound}: {bounded}", f"{text}: FREE & ({broken} {bound} {broken})"]
        if self.rules.is_token(tags.value_end):
            return [f"{text} {marker(tags.value_end)} WHITE? {marker(tag)} {then}" for tag, then in after], lines
        alternatives = list[str]()
        for number, (tag, then) in enumerate(after):
            rule = self._rule("s", i) + "ab"[number]
            end = f"{text} {lark_string(tags.value_end)}"
            if self.rules.is_token(tag):
                alternatives.append(f"{rule} WHITE? {marker(tag)} {then}")
            else:
                alternatives.append(f"{rule} {then}")
                end += f" WHITE? {lark_string(tag)}"
            lines.append(f"{rule}[lazy]: {end}")
        return alternatives, lines


def _value_expression(schema: Schema, root: Schema) -> str | None:
    """Lark expression of a value; None when any text will do."""
    types = types_of(schema, root)
    values = cast("list[object]", schema.get("enum", [schema["const"]] if "const" in schema else []))
    if values and "string" in types:
        texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
        return " | ".join(lark_string(text) for text in texts if text) or None
    if "string" in types or (not types and not _COMBINING & schema.keys()):
        return None
    words = [w for kind, ws in (("boolean", ("True", "False")), ("null", ("None",))) if kind in types for w in ws]
    if values:
        words = []
    return " | ".join([f"%json {styled_schema({**definitions_of(root), **schema})}", *(f'"{word}"' for word in words)])


def _bounded_text(schema: Schema) -> str:
    """A string's length and pattern as the body of a terminal; empty when it has neither."""
    parts: list[str] = []
    if schema.get("type") != "string":
        return ""
    if "minLength" in schema or "maxLength" in schema:
        parts.append(f"/(?s:.{{{schema.get('minLength', 0)},{schema.get('maxLength', '')}}})/")
    pattern: Any = schema.get("pattern")
    if isinstance(pattern, str):
        begin, end = ("" if pattern.startswith("^") else "(?s:.*)"), ("" if pattern.endswith("$") else "(?s:.*)")
        text = f"{begin}({pattern.removeprefix('^').removesuffix('$')}){end}".replace("/", r"\/")
        parts += [f"/{text}/"] if _is_usable(f"/{text}/") else []
    return " & ".join(parts)


@lru_cache(maxsize=512)
def _is_usable(regex: str) -> bool:
    """Whether llguidance can follow the regular expression; it knows no look-around, for one."""
    return not LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(f"start: {regex}"))
