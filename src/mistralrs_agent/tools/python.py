"""The Python tools: code in the sandboxed interpreter of the session, and a fresh start for it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine import ToolSpec
from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.tools.base import Card, Tool, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource, counted
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.session_files import Collected, ExpectedFile, asking_for, files_data, still_missing
from mistralrs_agent.tools.text import compact_json, parameters, prompt_text, shortened
from sandbox import Result, SandboxError

_METADATA = ToolMetadata(ToolSource.BUILT_IN, ToolKind.CODE_EXECUTION, "Python code")
_PACKAGES = ("numpy", "pandas", "scipy", "sympy", "matplotlib", "PIL", "sklearn", "requests")
_STATUS = {"ok": "success", "error": "error", "timeout": "timeout", "crashed": "error"}
_FILES_NAMED = 20


class PythonArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="Python code to run, such as print(sum(range(5)))")


class ResetArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PythonTool:
    """`mistralrs_execute_python`."""

    metadata = _METADATA

    def __init__(self, interpreters: Interpreters, isolation: str) -> None:
        self._interpreters = interpreters
        self._expected: tuple[ExpectedFile, ...] = ()
        policy = interpreters.policy
        installed = [name for name in _PACKAGES if find_spec(name)] if policy.python is None else []
        description = prompt_text(
            "python",
            timeout=f"{policy.timeout_s:g}",
            isolation=isolation,
            packages=f" Installed: {', '.join(installed)}." if installed else "",
        )
        self.spec = ToolSpec("mistralrs_execute_python", description, parameters(PythonArguments))

    def expecting(self, expected: tuple[ExpectedFile, ...]) -> PythonTool:
        """The same tool for a request that wants these files."""
        tool = copy(self)
        tool._expected, tool.spec = expected, asking_for(self.spec, expected)
        return tool

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Python", arguments["code"], "python")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        code = PythonArguments.model_validate(arguments).code
        lost = self._interpreters.lost(context)
        try:
            async with self._interpreters.use(context.session_id) as session:
                result = await session.run(code, on_output=context.emit)
                names = [file.name for file in self._expected]
                made = await self._interpreters.collect(session, context, self.spec.name, names)
        except SandboxError as error:
            raise ToolFailed(f"the code was not run: {error}") from error
        notes = (*result.notes, *lost, *still_missing(made))
        return ToolResult(
            content=_for_model(result, made, notes, context.max_result_chars),
            card=_for_person(result, notes),
            ok=result.status == "ok",
            data=_for_clients(result, made),
            images=result.images,
            files=(*made.files, *made.unchanged),
        )

    async def end_session(self, session_id: str) -> None:
        await self._interpreters.end(session_id)


class ResetPythonTool:
    """`mistralrs_reset_python_session`."""

    metadata = _METADATA

    def __init__(self, interpreters: Interpreters) -> None:
        self._interpreters = interpreters
        self.spec = ToolSpec(
            "mistralrs_reset_python_session", prompt_text("reset"), parameters(ResetArguments), strict=False
        )

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Reset Python")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            await self._interpreters.reset(context.session_id)
        except SandboxError as error:
            raise ToolFailed(f"the interpreter was not reset: {error}") from error
        content = compact_json({"status": "success", "note": "Variables and imports are gone; files are kept."})
        return ToolResult(content, Card("Python was reset"), data={"tool_type": "code_execution"})

    async def end_session(self, session_id: str) -> None:
        """`PythonTool` ends the interpreter they share."""


def python_tools(interpreters: Interpreters, isolation: str) -> tuple[Tool, Tool]:
    """Both tools on the same interpreters. `isolation`: what code can do and reach here (`LayerReport.facts`)."""
    return PythonTool(interpreters, isolation), ResetPythonTool(interpreters)


def _for_model(result: Result, made: Collected, notes: tuple[str, ...], limit: int) -> str:
    """Streams and value each get a share of the limit, so that none can push the others out."""
    share = limit // 4
    return compact_json(
        {
            "status": _STATUS[result.status],
            "stdout": shortened(result.stdout, share),
            "stderr": shortened(result.stderr, share),
            "exception": shortened(result.exception or "", share),
            "result": shortened(result.value or "", share),
            "images_generated": len(result.images),
            "files": [file.path for file in made.files[:_FILES_NAMED]],
            "notes": notes,
        }
    )


def _for_person(result: Result, notes: tuple[str, ...]) -> Card:
    title = {
        "ok": "Done",
        "error": (result.exception or "").rstrip().rpartition("\n")[2] or "Failed",
        "timeout": "Took too long",
        "crashed": "The interpreter ended",
    }[result.status]
    figures = counted(len(result.images), "figure") if result.images else ""
    parts = (result.stdout, result.stderr, result.exception, result.value, figures, *notes)
    return Card(title, "\n".join(part.rstrip("\n") for part in parts if part))


def _for_clients(result: Result, made: Collected) -> dict[str, Any]:
    return {
        "tool_type": "code_execution",
        "status": result.status,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "exception": result.exception,
        "result": result.value,
        "table": None if result.table is None else asdict(result.table),
        "files": files_data(made.files),
        "working_directory": str(result.working_directory),
        "execution_time_ms": round(result.duration_ms),
    }
