"""The tools a server has, by name; checks arguments before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry

from engine import ToolCall
from mistralrs_agent.errors import ConfigError, ToolRetry
from mistralrs_agent.tools.base import Tool, ToolKind


class Toolbox:
    """Every tool that this server may run for a model."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Raises: ConfigError when the name is taken."""
        name = tool.spec.name
        if name in self._tools:
            raise ConfigError(f"two tools are called {name!r}; give one of them another name")
        self._tools[name] = tool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def has(self, kind: ToolKind) -> bool:
        return any(tool.metadata.kind is kind for tool in self._tools.values())

    def offered(
        self, *, code_execution: bool, web_search: bool, shell: bool = False, files: bool = False
    ) -> dict[str, Tool]:
        """The tools of one turn: code, shell, web and file tools when switched on, all others always."""
        switched = {
            ToolKind.CODE_EXECUTION: code_execution,
            ToolKind.WEB_SEARCH: web_search,
            ToolKind.SHELL: shell,
            ToolKind.FILE: files,
        }
        return {name: tool for name, tool in self._tools.items() if switched.get(tool.metadata.kind, True)}

    async def end_session(self, session_id: str) -> None:
        """Let every tool forget a session."""
        await asyncio.gather(*(tool.end_session(session_id) for tool in self._tools.values()))


def checked_arguments(tool: Tool, call: ToolCall) -> Mapping[str, Any]:
    """The arguments of a call, valid against the tool's schema.

    Raises: ToolRetry, which tells the model what to correct.
    """
    try:
        arguments = call.parsed()
    except ValueError as error:
        raise ToolRetry(f"The arguments are not a JSON object: {error}") from error
    check_arguments(tool, arguments)
    return arguments


def check_arguments(tool: Tool, arguments: Mapping[str, Any]) -> None:
    """Raises: ToolRetry when `arguments` do not fit the tool's schema."""
    # Our own registry: a schema from outside must not make this process fetch what it refers to.
    validator = Draft202012Validator(tool.spec.parameters, registry=Registry[Any]())
    if problems := list(validator.iter_errors(arguments)):
        lines = (f"{'.'.join(map(str, problem.path)) or 'arguments'}: {problem.message}" for problem in problems[:5])
        raise ToolRetry(f"The arguments do not fit the parameters of {tool.spec.name}: {'; '.join(lines)}")
