"""`[TOOL_CALLS]`, then an array of `{"name": …, "arguments": {…}}` (Nemo) or `name[ARGS]{…}` (since v11)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import ID_AFTER, json_block, json_call, json_list
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.source import Reader, ReplySource

_OPENER, _ID, _ARGS = "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"


@dataclass(frozen=True)
class Mistral:
    name_and_args: bool
    """Write calls as `name[ARGS]{…}`; both ways are read."""
    with_id: bool = False
    """Write `[CALL_ID]…` after the name."""
    name = "mistral"
    opener = _OPENER
    markers = (_OPENER, _ID, _ARGS)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({_OPENER: _read})

    def grammar(self, rules: CallRules) -> str:
        if not self.name_and_args:
            return f"WHITE? {json_list(rules, json_call(rules, after=ID_AFTER))}"
        args = rules.marker(_ARGS)
        if self.with_id:
            args = f"{rules.marker(_ID)} CALL_ID {args}"

        def write(tool: CallableTool) -> str:
            return f"{lark_string(tool.name)} {args} {tool.arguments}"

        call = rules.each(write)
        calls = call + rules.more(f"{rules.marker(_OPENER)} {call}")
        return f"{calls}\nCALL_ID: /[a-zA-Z0-9]{{9}}/" if self.with_id else calls


def _read(source: ReplySource) -> Reader:
    yield from source.skip()
    if (yield from source.peek("[{", "[ ", "[\n", "{")):
        yield from json_block()(source)
        return
    name = yield from source.until(_ID, _ARGS, "{")
    if (yield from source.take(_ID)):
        yield from source.until(_ARGS, "{")
    yield from source.take(_ARGS)
    yield from arguments_after(source, name.strip(), _OPENER)
