"""A fenced block of Python as a forced call of a tool that takes code.

For models whose template knows no tools: small ones write sound code in a fence where they cannot keep it inside a JSON
string (SmolLM2-135M: 8 of 10 everyday questions give code that runs and prints, instead of 1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from engine.chat.messages import ToolSpec
from engine.chat.tool_calls.base import (
    CallArguments,
    CallRules,
    CallStart,
    Piece,
    Schemas,
    Text,
    ToolCallParser,
)

REQUEST = "Write Python code that prints the answer."
"""What the conversation's last turn asks for besides."""
_OPEN, _FENCE = "```python\n", "```"


def takes_code(tool: ToolSpec) -> bool:
    """All the tool needs is one string named `code`."""
    properties = cast("Mapping[str, Mapping[str, Any]]", tool.parameters.get("properties", {}))
    return properties.get("code", {}).get("type") == "string" and list(tool.parameters.get("required", ())) == ["code"]


@dataclass(frozen=True)
class CodeBlock:
    """The format of calls to one tool."""

    tool: str
    name = "code block"
    opener = _OPEN
    markers = ()

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return _Parser(self.tool)

    def grammar(self, rules: CallRules) -> str:
        del rules  # one call, of one tool
        return f'fenced\nfenced[lazy]: TEXT "{_FENCE}"'


class _Parser:
    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._held = ""
        """Text whose meaning is not certain yet."""
        self._state: str = "before"

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        pieces: list[Piece] = []
        if self._state == "before" and _OPEN in self._held:
            before, _, self._held = self._held.partition(_OPEN)
            pieces += [Text(before)] if before else []
            pieces += [CallStart(self._tool), CallArguments('{"code": "')]
            self._state = "inside"
        if self._state == "inside":
            code, fence, rest = self._held.partition(_FENCE)
            certain = code if fence else code.rstrip("`")
            self._held = rest if fence else code[len(certain) :]
            if certain:
                pieces.append(CallArguments(json.dumps(certain, ensure_ascii=False)[1:-1]))
            if fence:
                pieces.append(CallArguments('"}'))
                self._state = "after"
        return pieces

    def finish(self) -> list[Piece]:
        return [Text(self._held)] if self._held and self._state != "inside" else []
