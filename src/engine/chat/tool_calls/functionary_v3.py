"""`>>>name` and a line of JSON for each call, `>>>all` before text: Functionary 3.2. The prompt ends with `>>>`."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import ReaderParser
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.source import NotACall, Reader, ReplySource

_RECIPIENT, _TEXT = ">>>", "all"


class FunctionaryV3:
    name = "functionary v3.2"
    opener = None
    markers = ()

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return ReaderParser(_reply)

    def grammar(self, rules: CallRules) -> str:
        return self.reply(rules, required=True, answer="TEXT")

    def reply(self, rules: CallRules, *, required: bool, answer: str) -> str:
        def call(tool: CallableTool) -> str:
            head = lark_string(f"{tool.name}\n")
            return f"{head} {tool.arguments}"

        said = [] if required else [rf'"{_TEXT}\n" {answer}']
        if not rules.tools:
            return f'"{_RECIPIENT}"? {said[0]}'
        further = f'WHITE? "{_RECIPIENT}" {rules.each(call)}'
        calls = [f"{rules.each(call)} {rules.more(further)}"]
        calls += (
            [f'"{_TEXT}\\n" before {rules.each(call)} {rules.more(further)}']
            if answer == "TEXT" and not required
            else []
        )
        lines = rules.up_to("before", _RECIPIENT)
        return "\n".join([f'"{_RECIPIENT}"? ({" | ".join([*said, *calls])})', *lines])


def _reply(source: ReplySource) -> Reader:
    yield from source.skip()
    yield from source.take(_RECIPIENT)
    while True:
        try:
            name = (yield from source.until("\n")).strip()
            if not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
                raise NotACall
            if name == _TEXT:
                source.at += 1
                source.mark()
            else:
                yield from arguments_after(source, name, _RECIPIENT)
        except NotACall:
            source.rewind()
        if not (yield from source.text_before(_RECIPIENT)):
            return
        yield from source.take(_RECIPIENT)
