"""Calls written as tags around untyped values: the reading side."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from engine.chat.tool_calls.base import Schemas
from engine.chat.tool_calls.blocks import ReadBlock
from engine.chat.tool_calls.source import NotACall, Reader, ReplySource, Wait
from engine.chat.tool_calls.typed_value import Schema, is_broken_json, is_plain_string, json_text, property_schema


@dataclass(frozen=True)
class XmlTags:
    """How one family writes `<function=NAME> <parameter=KEY>VALUE</parameter> </function>`."""

    call: str
    """Before the name."""
    call_end: str
    """Closes the call."""
    key: str
    """Before a parameter's name."""
    value_end: str
    """After a parameter's value."""
    name_end: str = ">"
    """After the call's name."""
    key_end: str = ">"
    """After a parameter's name."""
    value: str = ""
    """Before a parameter's value."""
    quote: str = ""
    """Around names."""
    string_attribute: bool = False
    """Parameters say themselves whether they are strings: `string="true"` before `key_end`."""
    line_breaks: bool = True
    """A line break on either side of a value belongs to the markup."""


def xml_block(tags: XmlTags, schemas: Schemas | None, *closers: str, opened: bool = False) -> ReadBlock:
    """Reads one or more calls up to one of the closers. `opened`: the opener is `tags.call` itself."""

    def read(source: ReplySource) -> Reader:
        if not opened:
            yield from source.skip()
            yield from source.need(tags.call)
        more = "yes"
        while more:
            yield from _call(source, tags, schemas or {}, closers)
            yield from source.skip()
            more = (yield from source.take(tags.call)) if tags.call else ""
        yield from source.take(*closers)

    return read


def _call(source: ReplySource, tags: XmlTags, schemas: Schemas, closers: tuple[str, ...]) -> Reader:
    """One call, after `tags.call`."""
    yield from source.skip()
    ends = (tags.name_end, tags.call_end) if tags.name_end.strip() else ("\n", tags.key, tags.call_end)
    name = (yield from source.until(*ends)).strip().strip("\"'")
    yield from source.take(tags.name_end)
    yield from source.skip()
    if not name or not (yield from source.peek(tags.key, tags.call_end, *closers)):
        raise NotACall
    source.start(name)
    parameters, opening = schemas.get(name, {}), "{"
    while (yield from source.take(tags.key)):
        try:
            key, is_string = yield from _key(source, tags)
        except NotACall:
            break
        source.argue(f"{opening}{json.dumps(key, ensure_ascii=False)}: ")
        opening = ", "
        schema = property_schema(parameters, key)
        if is_string is not None:
            schema = {"type": "string"} if is_string else {"type": ["object", "array", "number", "boolean", "null"]}
        if not (yield from _value(source, tags, schema, parameters, closers)):
            return
        yield from source.skip()
    if (yield from source.take(tags.call_end)) or (yield from source.char()):
        source.argue("{}" if opening == "{" else "}")
    source.mark()


def _key(source: ReplySource, tags: XmlTags) -> Wait[tuple[str, bool | None]]:
    """A parameter's name, after `tags.key`, and whether its attribute says it is a string."""
    head = yield from source.until(tags.key_end)
    yield from source.take(tags.key_end)
    if tags.value:
        yield from source.skip()
        yield from source.need(tags.value)
    attribute = re.search(r"""\s+string=["']?(true|false)["']?\s*$""", head) if tags.string_attribute else None
    key = head[: attribute.start()] if attribute else head
    return key.strip().strip("\"'"), attribute[1] == "true" if attribute else None


def _value(source: ReplySource, tags: XmlTags, schema: Schema, root: Schema, closers: tuple[str, ...]) -> Wait[bool]:
    """A parameter's value up to its end, strings as they come; False when the reply ends first.

    What looks like the end inside a value is one only if markup follows it and, where the value begins as JSON, it is
    whole there. JSON that never becomes whole ends where it first might have.
    """
    if tags.line_breaks:
        yield from source.take("\n")
    streams = is_plain_string(schema, root)
    parts: list[str] = []

    def tell(text: str) -> None:
        if streams:
            source.argue(json.dumps(text, ensure_ascii=False)[1:-1])
        else:
            parts.append(text)

    if streams:
        source.argue('"')
    ends = (tags.value_end, f"\n{tags.value_end}") if tags.line_breaks else (tags.value_end,)
    broken: str | None = None
    while end := (yield from source.text_before(*ends, tell=tell, trim=False)):
        yield from source.take(end)
        if (yield from _markup_follows(source, tags, closers)):
            if streams or not is_broken_json("".join(parts)):
                break
            broken = "".join(parts) if broken is None else broken
        source.rewind()
        tell(end)
        source.at = len(end)
    if not end and broken is not None:
        source.put_back("".join(parts).removeprefix(broken))
        parts = [broken]
        end = yield from source.take(*ends)
    source.mark()
    if end:
        source.argue('"' if streams else json_text("".join(parts), schema, root))
    return bool(end)


def _markup_follows(source: ReplySource, tags: XmlTags, closers: tuple[str, ...]) -> Wait[bool]:
    place = source.at
    yield from source.skip()
    follows = bool((yield from source.peek(tags.key, tags.call_end, *closers))) or not (yield from source.char())
    source.at = place
    return follows
