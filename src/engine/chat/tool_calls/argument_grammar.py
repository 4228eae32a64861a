"""Grammar of arguments written as `key<sep>value` one after the other, between brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.chat.tool_calls.typed_value import Schema, resolved


@dataclass(frozen=True)
class ArgumentGrammar:
    """The fields of one object, in the order of its schema, those that are not required skippable."""

    key: Callable[[str], str]
    """Lark expression of a field's name and what stands between it and its value."""
    value: Callable[[str, Schema], tuple[str, list[str]]]
    """Rule name for helpers, schema → Lark expression of a value, and the rules it needs."""
    any_field: str
    """Lark expression of a field nothing is known of."""
    opening: str
    closing: str

    def of(self, rule: str, schema: Schema, root: Schema) -> tuple[str, list[str]]:
        """Lark expression of the fields between their brackets, and the rules it needs; `rule` begins their names."""
        properties = cast("Mapping[str, Any]", schema.get("properties") or {})
        required = set(cast("Sequence[str]", schema.get("required") or ()))
        names = list(properties)
        if not names:
            return f'{self.opening} ({self.any_field} ("," SPACE? {self.any_field})*)? {self.closing}', []
        lines: list[str] = []
        for i, name in enumerate(names):
            expression, more = self.value(f"{rule}_v{i}", resolved(root, properties[name]))
            lines += more
            skips = f" | {rule}_k{i + 1}" if i + 1 < len(names) and name not in required else ""
            follows = [f'"," SPACE? {rule}_k{i + 1}'] if i + 1 < len(names) else []
            follows += [] if required & set(names[i + 1 :]) else [self.closing]
            lines.append(f"{rule}_k{i}: {self.key(name)} ({expression}) ({' | '.join(follows)}){skips}")
        empty = "" if required else f" | {self.closing}"
        return f"{self.opening} ({rule}_k0{empty})", lines
