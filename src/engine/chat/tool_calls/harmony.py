"""Harmony messages (gpt-oss): every message has a channel, and calls are messages to a function.

`<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>commentary to=functions.name <|constrain|>json
<|message|>{…}<|call|>`; the recipient may stand before the channel too. The analysis is reasoning; a commentary to
nobody is said before a call and is text, as the final message is.
"""

from __future__ import annotations

import json
import re

from engine.chat.tool_calls.base import (
    CallableTool,
    CallRules,
    Schemas,
    ToolCallParser,
    lark_string,
)
from engine.chat.tool_calls.blocks import ReaderParser
from engine.chat.tool_calls.json_value import stream_arguments
from engine.chat.tool_calls.source import NotACall, Reader, ReplySource

_START, _CHANNEL, _MESSAGE, _CONSTRAIN = "<|start|>", "<|channel|>", "<|message|>", "<|constrain|>"
_END, _CALL = "<|end|>", "<|call|>"
_ENDS = (_END, _CALL, "<|return|>")
_HEADERS = (_START, _CHANNEL, _MESSAGE, _CONSTRAIN, "to=")
"""What a message's header may begin with."""
_NOBODY = ("", "user", "all", "assistant", "self")


class Harmony:
    name = "harmony"
    opener = None
    markers = (_START, _CHANNEL, _MESSAGE, _CONSTRAIN, *_ENDS)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return ReaderParser(_reply)

    def grammar(self, rules: CallRules) -> str:
        return self.reply(rules, required=True, answer="TEXT")

    def reply(self, rules: CallRules, *, required: bool, answer: str) -> str:
        start, channel, message, constrain = (rules.marker(m) for m in (_START, _CHANNEL, _MESSAGE, _CONSTRAIN))
        kind = f'(" json" | SPACE? {constrain} "json")?'

        def call(tool: CallableTool) -> str:
            target = f"to=functions.{tool.name}"
            early = f'{lark_string(f" {target}")} {channel} "commentary"'
            late = f"{channel} {lark_string(f'commentary {target}')}"
            return f"({early} | {late}) {kind} {message} {tool.arguments}"

        ends = [] if required else [f'{channel} "final" {kind} {message} {answer}']
        ends += [f"{rules.each(call)} {rules.marker(_CALL)}?"] if rules.tools else []
        before = '"analysis"' if required else '("analysis" | "commentary")'
        said = f'{channel} {before} {message} body {start} "assistant"'
        return "\n".join([f"({said})* ({' | '.join(ends)})", *rules.up_to("body", _END)])


def _reply(source: ReplySource) -> Reader:
    while True:
        yield from source.skip()
        if not (yield from source.peek(*_HEADERS, *_ENDS)):
            source.rewind()
            if not (yield from source.text_before(_START, _CHANNEL, *_ENDS, trim=False)):
                return
        if (yield from source.take(*_ENDS)):
            source.mark()
            continue
        try:
            header = yield from source.until(_MESSAGE, limit=None)
        except NotACall:
            source.say(source.text if "to=" in source.text else "")
            return
        yield from source.take(_MESSAGE)
        source.mark()
        yield from _message(source, header)


def _message(source: ReplySource, header: str) -> Reader:
    """The body of a message, to its end."""
    channel = re.search(r"<\|channel\|>\s*(\w+)", header)
    recipient = re.search(r"\bto=([^\s<]+)", header)
    ends = (*_ENDS, _START)
    if recipient and recipient[1] not in _NOBODY:
        yield from _call(source, recipient[1].removeprefix("functions."), ends)
    elif channel and channel[1] == "analysis":
        yield from source.text_before(*ends, tell=source.think, trim=False)
    else:
        yield from source.text_before(*ends, trim=False)


def _call(source: ReplySource, name: str, ends: tuple[str, ...]) -> Reader:
    """Arguments as JSON; what is no object is the code for the interpreter the model was trained with."""
    yield from source.skip()
    if (yield from source.char()) == "{":
        yield from stream_arguments(source, name)
        yield from source.text_before(*ends, tell=lambda _: None)
        return
    source.start(name)
    parts: list[str] = []
    yield from source.text_before(*ends, tell=parts.append)
    body = "".join(parts)
    source.argue(json.dumps({"code": body}, ensure_ascii=False) if name == "python" else body or "{}")
