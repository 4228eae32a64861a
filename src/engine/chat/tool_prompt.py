"""Tools for models whose template knows none: the Hermes convention, written into ordinary messages.

The tools go into the system message, calls and results become text of assistant and user turns, so any template
that can render a plain conversation will do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from engine.chat.messages import Message, ToolSpec

_INSTRUCTIONS = """\
# Tools

You can call these functions to help with the user's request. Their signatures, inside <tools></tools>:
<tools>
{tools}
</tools>

To call a function, write a JSON object with its name and arguments inside <tool_call></tool_call>:
<tool_call>
{{"name": "function-name", "arguments": {{"argument-name": "value"}}}}
</tool_call>"""


def with_tools_as_text(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Message]:
    """Return the conversation in system, user and assistant turns of text only, `tools` described in the first."""
    turns = _alternating([_as_text(message) for message in messages])
    if not tools:
        return turns
    listed = "\n".join(json.dumps(tool.to_json(), ensure_ascii=False) for tool in tools)
    block = _INSTRUCTIONS.format(tools=listed)
    if turns and turns[0].role in ("system", "developer"):
        return [replace(turns[0], content=f"{turns[0].content}\n\n{block}"), *turns[1:]]
    return [Message("system", block), *turns]


def _as_text(message: Message) -> Message:
    if message.role == "tool":
        result = _in_words(message.content)
        separator = "\n" if "\n" in result else " "
        return Message("user", f"The result is:{separator}{result}")
    if message.tool_calls:
        calls = (f'{{"name": {json.dumps(c.name)}, "arguments": {c.arguments or "{}"}}}' for c in message.tool_calls)
        parts = [message.content, *(f"<tool_call>\n{call}\n</tool_call>" for call in calls)]
        return replace(message, content="\n".join(part for part in parts if part), tool_calls=())
    return message


def _in_words(result: str) -> str:
    """A result that is a JSON object, written out: small models echo markup instead of reading it."""
    try:
        fields = json.loads(result)
    except ValueError:
        return result
    if not isinstance(fields, dict):
        return result
    told = {str(key): value for key, value in fields.items() if (key, value) != ("status", "success")}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items()}
    if len(texts) == 1:
        return next(iter(texts.values())).rstrip()
    return "\n".join(f"{key}: {text.rstrip()}" for key, text in texts.items())


def _alternating(turns: Sequence[Message]) -> list[Message]:
    """Join user turns that follow each other: many templates insist on user and assistant taking turns."""
    joined: list[Message] = []
    for turn in turns:
        if joined and turn.role == joined[-1].role == "user":
            joined[-1] = replace(joined[-1], content=f"{joined[-1].content}\n{turn.content}")
        else:
            joined.append(turn)
    return joined
