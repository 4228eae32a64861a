"""`[name(key="value"), …]`: Llama 4 and 3.2, between markers LFM2, line by line OLMo 3, fenced Gemma 3."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.argument_grammar import ArgumentGrammar
from engine.chat.tool_calls.bare import bare_calls
from engine.chat.tool_calls.base import (
    CallableTool,
    CallRules,
    Schemas,
    ToolCallParser,
    definitions_of,
    lark_string,
    styled_schema,
)
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.typed_value import Schema, types_of

_STRING = r"""/'([^'\\\n]|\\['"\\nrt])*'/"""
_ANY_FIELD = '/[a-zA-Z_][a-zA-Z0-9_]{0,63}/ "=" %json {}'


@dataclass(frozen=True)
class Pythonic:
    name: str = "pythonic"
    opener: str | None = None
    """Without one the calls are the whole reply."""
    closer: str = ""
    listed: bool = True
    """In square brackets; else each on its line."""
    optional_markers: tuple[str, ...] = ()
    """May stand before and after calls that have no opener."""
    bare_start = r"\[[a-zA-Z_][a-zA-Z0-9_.\-]{0,63}\("

    @property
    def markers(self) -> tuple[str, ...]:
        return tuple(m for m in (self.opener, self.closer, *self.optional_markers) if m)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        closers = tuple(m for m in (self.closer, *self.optional_markers[1:]) if m)

        read = bare_calls(*closers)
        openers = {m: read for m in (self.opener, *self.optional_markers[:1]) if m}
        return block_parser(openers, None if self.opener else {"[": read, "{": read}, closers)

    def grammar(self, rules: CallRules) -> str:
        lines: list[str] = []

        def write(tool: CallableTool, start: str = "") -> str:
            expression, more = _arguments(tool.schema).of(f"{tool.arguments}_a", tool.schema, tool.schema)
            lines.extend(line for line in more if line not in lines)
            return f"{lark_string(f'{start}{tool.name}(')} {expression}"

        call, first = rules.each(write), rules.each(lambda tool: write(tool, "["))
        further = f'"," WHITE? {call}' if self.listed else f"WHITE {call}"
        calls = f"{call} {rules.more(further)}"
        calls = f'{first} {rules.more(further)} "]"' if self.listed else f"WHITE? {calls} WHITE?"
        if self.opener:
            calls = f"{calls} {rules.marker(self.closer)}" if self.closer else calls
        elif self.optional_markers:
            begin, end = (rules.marker(marker) for marker in self.optional_markers)
            calls = f"{begin}? {calls} {end}?"
        return "\n".join([calls, *lines])


def _arguments(root: Schema) -> ArgumentGrammar:
    def value(rule: str, schema: Schema) -> tuple[str, list[str]]:
        types = types_of(schema, root)
        alternatives = [f"%json {styled_schema({**definitions_of(root), **schema})}"]
        if "enum" not in schema and "const" not in schema:
            alternatives += ['"True"', '"False"'] if "boolean" in types else []
            alternatives += ['"None"'] if "null" in types else []
            free = not schema.keys() & {"minLength", "maxLength", "pattern", "format"}
            alternatives += [_STRING] if "string" in types and free else []
        return rule, [f"{rule}: {' | '.join(alternatives)}"]

    return ArgumentGrammar(lambda name: lark_string(f"{name}="), value, _ANY_FIELD, "", '")"')
