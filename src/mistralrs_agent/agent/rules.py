"""Rules of permission: which calls may run, by tool and by what their arguments say.

Patterns look at text, not at meaning: they steer questions, they are not the wall. The sandbox is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from mistralrs_agent.agent.events import Permission
from mistralrs_agent.errors import ConfigError

_RULE = re.compile(r"(?P<tool>[^()=]+)(\((?P<text>.+)\))?=(?P<permission>auto|ask|deny)", re.DOTALL)
_COMPOUND = re.compile(r"[;&|<>`$\n\r]")
"""What lets one text do a second thing: shell operators, substitutions, further lines."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds for calls of some tools; with `text`, only for those whose arguments say so."""

    permission: Permission
    tool: str = "*"
    """Pattern of tool names with `*` and `?`, or a kind such as `shell` or `web_search`."""
    text: str | None = None
    """Pattern for the texts in the arguments. `ask` and `deny` hold when any of them fits; `auto` only when all do and
    none is compound, so that `git *` does not let `git log; rm -r .` pass.
    """

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read `TOOL=PERMISSION` or `TOOL(TEXT)=PERMISSION`.

        Raises: ConfigError.
        """
        found = _RULE.fullmatch(line.strip())
        if found is None:
            raise ConfigError(f"permission rule {line!r} should be 'TOOL=auto|ask|deny' or 'TOOL(TEXT)=auto|ask|deny'")
        return cls(Permission(found["permission"]), found["tool"].strip(), found["text"])

    def fits(self, tool_name: str, kind: str, arguments: Mapping[str, Any]) -> bool:
        """Whether this rule is about the call."""
        if self.tool != kind and not fnmatchcase(tool_name, self.tool):
            return False
        if self.text is None:
            return True
        texts = list(_texts(arguments))
        if self.permission is Permission.AUTO:
            return bool(texts) and all(fnmatchcase(t, self.text) and not _COMPOUND.search(t) for t in texts)
        return any(fnmatchcase(text, self.text) for text in texts)


@dataclass(frozen=True, slots=True)
class Policy:
    """What one side (the server, a request) says about calls."""

    permission: Permission = Permission.AUTO
    """For calls that no rule is about."""
    rules: tuple[Rule, ...] = ()
    """The first that fits counts."""

    def about(self, tool_name: str, kind: str, arguments: Mapping[str, Any]) -> Permission:
        """What holds for a call."""
        fitting = (rule.permission for rule in self.rules if rule.fits(tool_name, kind, arguments))
        return next(fitting, self.permission)


def _texts(value: Any) -> Iterator[str]:
    """Every text inside arguments; numbers and the like as JSON writes them."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value).lower() if isinstance(value, bool) else str(value)
