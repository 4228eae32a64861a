"""The file tools: read and list the files of the conversation, and hand over files that code has made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from engine import ToolSpec
from mistralrs_agent.errors import ToolFailed, ToolRetry
from mistralrs_agent.storage.files import FileStore, StoredFile
from mistralrs_agent.tools.base import Card, Tool, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource, counted
from mistralrs_agent.tools.file_text import described, readable_text
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.text import compact_json, parameters, prompt_text
from sandbox import SandboxError

MAX_SLICE_CHARS = 65_536
_PREVIEW_CHARS = 400
_SHORTEST_SLICE = 64


class ReadFileArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file_id: str = Field(min_length=1, description="Id or name of the file")
    start: Annotated[int, Field(ge=0)] | None = Field(None, description="First character; 0 when left out")
    end: Annotated[int, Field(ge=0)] | None = Field(None, description="Character behind the last one")


class ListFilesArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OutputWish(BaseModel):
    """A file to hand over."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=4096, description="Path in the working directory")
    format: str | None = Field(None, description="Such as csv")


class SurfaceArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outputs: Annotated[list[OutputWish], Field(min_length=1, max_length=100)]


class ReadFileTool:
    """`mistralrs_read_file`."""

    metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.FILE, "File access")

    def __init__(self, store: FileStore) -> None:
        self._store = store
        # not strict: a model would have to write start and end each time
        self.spec = ToolSpec(
            "mistralrs_read_file", prompt_text("read_file"), parameters(ReadFileArguments), strict=False
        )

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Read file", arguments["file_id"])

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        asked = ReadFileArguments.model_validate(arguments)
        file = await asyncio.to_thread(self._find, context.session_id, asked.file_id)
        text = await readable_text(self._store, file)
        if text is None:
            raise ToolFailed(f"{described(file)} is not text, or its contents are not kept")
        start = min(asked.start or 0, len(text))
        end = len(text) if asked.end is None else min(asked.end, len(text))
        if end < start:
            raise ToolRetry(f"end ({asked.end}) is before start ({asked.start})")
        content = _slice(file, text, start, end, context.max_result_chars)
        card = Card(described(file), text[start : min(end, start + _PREVIEW_CHARS)])
        return ToolResult(content, card, data={"tool_type": "file", "file_id": file.id})

    def _find(self, session_id: str, wanted: str) -> StoredFile:
        """A file of this conversation; of several with that name the newest."""
        files = self._store.of_session(session_id)
        names = {file.path.removeprefix("./"): file for file in files}
        by_id = {file.id: file for file in files}
        if found := by_id.get(wanted) or names.get(wanted.removeprefix("./")):
            return found
        raise ToolRetry(f"there is no file {wanted!r}; files: {', '.join(names) or 'none'}")

    async def end_session(self, session_id: str) -> None:
        """Files outlive tool state: `Sessions` deletes them with the conversation."""


class ListFilesTool:
    """`mistralrs_list_files`."""

    metadata = ReadFileTool.metadata

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self.spec = ToolSpec("mistralrs_list_files", prompt_text("list_files"), parameters(ListFilesArguments))

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("List files")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        files = await asyncio.to_thread(self._store.of_session, context.session_id)
        card = Card(counted(len(files), "file"), "\n".join(map(described, files)))
        listed = [{**_fields(file), **_origin(file)} for file in files]
        return ToolResult(compact_json({"status": "success", "files": listed}), card, data={"tool_type": "file"})

    async def end_session(self, session_id: str) -> None:
        """As for `ReadFileTool`."""


class SurfaceOutputsTool:
    """`mistralrs_surface_outputs`."""

    metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.FILE, "File outputs")

    def __init__(self, interpreters: Interpreters) -> None:
        self._interpreters = interpreters
        self.spec = ToolSpec("mistralrs_surface_outputs", prompt_text("surface_outputs"), parameters(SurfaceArguments))

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Hand over files", "\n".join(output["name"] for output in arguments["outputs"]))

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        names = [output.name for output in SurfaceArguments.model_validate(arguments).outputs]
        try:
            async with self._interpreters.use(context.session_id) as session:
                found = await self._interpreters.collect(session, context, self.spec.name, names)
        except SandboxError as error:
            raise ToolFailed(f"the files were not handed over: {error}") from error
        files = [_fields(file) for file in (*found.files, *found.unchanged)]
        errors = [{"name": name, "code": "not_produced"} for name in found.missing]
        content = compact_json({"status": "error" if errors else "success", "files": files, "errors": errors})
        lines = [
            *map(described, (*found.files, *found.unchanged)),
            *(f"{name}: there is no such file" for name in found.missing),
        ]
        return ToolResult(
            content,
            Card("Failed" if errors else "Done", "\n".join(lines)),
            ok=not errors,
            data={"tool_type": "file"},
            files=(*found.files, *found.unchanged),
        )

    async def end_session(self, session_id: str) -> None:
        """The code tools end the interpreter they share."""


def file_tools(store: FileStore, interpreters: Interpreters | None) -> tuple[Tool, ...]:
    """The tools of a server; without `interpreters` no code runs there, and nothing can be handed over."""
    reading = (ReadFileTool(store), ListFilesTool(store))
    return reading if interpreters is None else (*reading, SurfaceOutputsTool(interpreters))


def _slice(file: StoredFile, text: str, start: int, end: int, room: int) -> str:
    """A part of a text as JSON, made shorter until that has at most `room` characters."""
    longest = min(MAX_SLICE_CHARS, room)
    while True:
        end = min(end, start + longest)
        fields = {"start": start, "end": end, "total_chars": len(text), "max_slice_chars": longest}
        content = json.dumps({**_fields(file), **fields, "text": text[start:end]}, ensure_ascii=False)
        if len(content) <= room or longest < _SHORTEST_SLICE:
            return content
        longest = longest * 3 // 4


def _fields(file: StoredFile) -> dict[str, Any]:
    """A file for the model."""
    return {"file_id": file.id, "name": file.path, "format": file.mime_type, "bytes": file.size}


def _origin(file: StoredFile) -> dict[str, Any]:
    source = {name: file.source[name] for name in ("round", "turn") if name in file.source}
    return {"purpose": file.purpose, "source": file.source.get("tool"), **source}
