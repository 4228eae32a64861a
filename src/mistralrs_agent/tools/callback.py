"""Python functions of the program that embeds the agent, as tools.

    def weather(city: str, days: Annotated[int, Field(ge=1)] = 1) -> dict[str, Any]:
        \"\"\"Weather forecast of a city.\"\"\"

    Toolbox([function_tool(weather)])

Arguments are checked against the signature and converted (dates, enums, dataclasses, pydantic models) before the
function runs. A plain function runs in a thread of its own: when its call is cancelled or takes too long the model gets
an answer at once, but the thread can only be left to itself; an `async` function is cancelled.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError, validate_call
from pydantic_core import to_jsonable_python

from engine import ToolSpec
from mistralrs_agent.errors import ConfigError, ToolError, ToolFailed, ToolRetry
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.text import without_titles

log = logging.getLogger(__name__)

ToolCallback = Callable[[str, dict[str, Any]], Any]
"""`callback(name, arguments)` for a tool that a request describes; plain or `async`."""
MAX_THREADS = 32
"""Calls of one tool in threads at the same time, those that were left to themselves included."""


def function_tool(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    timeout_s: float | None = None,
) -> CallbackTool:
    """A tool from a function. Name, description (the docstring) and parameters (the signature) are taken from it where
    they are not given; with `parameters`, a JSON schema, the function gets the arguments as they come.

    Raises: ConfigError for a signature that has no JSON schema.
    """
    known = name or getattr(function, "__name__", "")
    spec = ToolSpec(
        known,
        description if description is not None else inspect.getdoc(function) or "",
        dict(parameters) if parameters is not None else _schema(function, known),
    )
    checked = function if parameters is not None else validate_call(function)

    def call(_: str, arguments: dict[str, Any]) -> Any:
        return checked(**arguments)

    async def call_async(_: str, arguments: dict[str, Any]) -> Any:
        return await checked(**arguments)

    return CallbackTool(spec, call_async if inspect.iscoroutinefunction(function) else call, timeout_s)


@dataclass(slots=True)
class CallbackTool:
    """A tool that calls a function with its name and arguments."""

    spec: ToolSpec
    callback: ToolCallback
    timeout_s: float | None = None
    """None: the server's limit for all tools."""
    _threads: int = field(default=0, init=False)

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(ToolSource.USER, ToolKind.CUSTOM, self.spec.name, self.timeout_s)

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card(self.spec.name, json.dumps(arguments, ensure_ascii=False), "json")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            result = await self._call(dict(arguments))
        except ToolError:
            raise
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
            raise ToolRetry(f"the arguments do not fit {self.spec.name}: {'; '.join(problems)}") from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ToolFailed("the tool was cancelled") from None  # by something inside the function
        except Exception as error:
            log.warning("the function of tool %s, call %s, failed", self.spec.name, context.call_id, exc_info=True)
            raise ToolFailed(f"{type(error).__name__}: {error}") from error
        content = _text(result)
        return ToolResult(content, Card("Done", content), data={"tool_type": "custom"})

    async def end_session(self, session_id: str) -> None:
        """Nothing is kept for a session."""

    async def _call(self, arguments: dict[str, Any]) -> Any:
        """The function's result, from this event loop or from a thread."""
        if inspect.iscoroutinefunction(self.callback):
            return await self.callback(self.spec.name, arguments)
        if self._threads >= MAX_THREADS:
            raise ToolFailed(f"{self._threads} earlier calls of this tool are still running")
        self._threads += 1
        result = await _in_thread(lambda: self.callback(self.spec.name, arguments), self._thread_ended)
        return await result if inspect.isawaitable(result) else result

    def _thread_ended(self) -> None:
        self._threads -= 1


async def _in_thread(work: Callable[[], Any], ended: Callable[[], None]) -> Any:
    """What `work` returns or raises. Not a pool: hung functions would fill it up, and keep the program from ending.
    `ended` is called in this event loop once the thread is done, however long after a cancellation that may be.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        ended()
        if outcome.done():
            return
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = context.run(work)
        except BaseException as raised:  # noqa: BLE001 - raised again where it is waited for
            # SystemExit must not end the program, and a future takes no StopIteration
            kept = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
            error = raised if kept else RuntimeError(f"{type(raised).__name__}: {raised}")
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the event loop is closed: nobody waits any more
            return

    context = contextvars.copy_context()
    threading.Thread(target=run, name="tool-callback", daemon=True).start()
    return await outcome


def _schema(function: Callable[..., Any], name: str) -> dict[str, Any]:
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"tool {name!r}: parameter {parameter} cannot be given by name; give a schema instead")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", function))  # takes functions too; its type says less
        schema = adapter.json_schema()
    except (PydanticUserError, NameError) as error:
        raise ConfigError(f"tool {name!r} has a signature without a JSON schema: {error}") from error
    return without_titles(schema)


def _text(result: Any) -> str:
    """What the model reads."""
    if isinstance(result, str):
        return result.encode("utf-8", "replace").decode()
    return json.dumps(to_jsonable_python(result, fallback=repr, bytes_mode="base64"), ensure_ascii=False)
