"""The shell tool: commands in the sandbox session that the Python tool of the conversation uses too."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from engine import ToolSpec
from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.session_files import Collected, ExpectedFile, asking_for, files_data, still_missing
from mistralrs_agent.tools.text import compact_json, parameters, prompt_text, shortened
from sandbox import Result, SandboxError

MILLISECONDS = 1000
_FILES_NAMED = 20


class ShellArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    commands: Annotated[list[str], Field(min_length=1)] = Field(description='Commands, run in order, such as ["ls -l"]')
    timeout_ms: Annotated[int, Field(ge=1)] | None = Field(None, description="Stop after this long")
    max_output_length: Annotated[int, Field(ge=1)] | None = Field(None, description="Characters of output to keep")


class ShellTool:
    """`mistralrs_shell`."""

    def __init__(self, interpreters: Interpreters, isolation: str, timeout_s: float) -> None:
        """`timeout_s`: longest run of a call, whatever the model asks for."""
        self._interpreters = interpreters
        self._timeout_s = timeout_s
        self._expected: tuple[ExpectedFile, ...] = ()
        # a little more than the shell's own limit, which keeps what was printed until then
        self.metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.SHELL, "Shell command", timeout_s + 30)
        description = prompt_text("shell", timeout=f"{timeout_s:g}", isolation=isolation)
        self.spec = ToolSpec("mistralrs_shell", description, parameters(ShellArguments), strict=False)

    def expecting(self, expected: tuple[ExpectedFile, ...]) -> ShellTool:
        """The same tool for a request that wants these files."""
        tool = copy(self)
        tool._expected, tool.spec = expected, asking_for(self.spec, expected)
        return tool

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Shell", "\n".join(arguments["commands"]), "sh")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        asked = ShellArguments.model_validate(arguments)
        timeout_s = min(self._timeout_s, (asked.timeout_ms or self._timeout_s * MILLISECONDS) / MILLISECONDS)
        lost = self._interpreters.lost(context)
        try:
            async with self._interpreters.use(context.session_id) as session:
                result = await session.shell("\n".join(asked.commands), on_output=context.emit, timeout_s=timeout_s)
                names = [file.name for file in self._expected]
                made = await self._interpreters.collect(session, context, self.spec.name, names)
        except SandboxError as error:
            raise ToolFailed(f"the command was not run: {error}") from error
        share = min(context.max_result_chars // 4, asked.max_output_length or context.max_result_chars)
        notes = (*result.notes, *lost, *still_missing(made))
        return ToolResult(
            content=_for_model(result, made, notes, share),
            card=_for_person(result, notes),
            ok=result.status == "ok",
            data=_for_clients(result, asked.commands, made),
            files=(*made.files, *made.unchanged),
        )

    async def end_session(self, session_id: str) -> None:
        await self._interpreters.end(session_id)


def _for_model(result: Result, made: Collected, notes: tuple[str, ...], share: int) -> str:
    """`share`: most characters of each part."""
    return compact_json(
        {
            "status": "success" if result.status == "ok" else result.status,
            "exit_code": result.exit_code,
            "stdout": shortened(result.stdout, share),
            "stderr": shortened(result.stderr, share),
            "exception": shortened(result.exception or "", share),
            "files": [file.path for file in made.files[:_FILES_NAMED]],
            "notes": notes,
        }
    )


def _for_person(result: Result, notes: tuple[str, ...]) -> Card:
    ended = f"Exit code {result.exit_code}" if result.exit_code else "Done"
    title = {"timeout": "Took too long", "crashed": "The session ended"}.get(result.status, ended)
    parts = (result.stdout, result.stderr, result.exception, *notes)
    return Card(title, "\n".join(part.rstrip("\n") for part in parts if part))


def _for_clients(result: Result, commands: list[str], made: Collected) -> dict[str, Any]:
    return {
        "tool_type": "shell",
        "commands": commands,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "exit_code": result.exit_code,
        "status": result.status,
        "files": files_data(made.files),
        "timed_out": result.status == "timeout",
        "working_directory": str(result.working_directory),
    }
