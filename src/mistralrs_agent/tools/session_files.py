"""Files of one conversation: handed in by people, made by tools, in the store for good, and in the working directory
of the tools while there is one.

What lies in a working directory belongs to untrusted code: it is only read and written through the sandbox's own doors.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import ToolSpec
from mistralrs_agent.errors import RequestError
from mistralrs_agent.storage.files import MAX_FILE_BYTES, FileStore, InputFile, StoredFile, safe_name
from sandbox import FileRefused, Session

log = logging.getLogger(__name__)

MAX_OUTPUT_BYTES = 256 << 20
"""Of all files of one call; what is above is listed without its body."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What one call left in the working directory."""

    files: tuple[StoredFile, ...] = ()
    """New ones and changed ones."""
    unchanged: tuple[StoredFile, ...] = ()
    """Those that were expected and are there as they were known."""
    missing: tuple[str, ...] = ()
    """Those that were expected and are not there."""


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """A file that the caller of a turn wants to have in the end."""

    name: str
    """Its path in the working directory."""
    format: str | None = None
    """Such as `csv`."""
    description: str | None = None


def asking_for(spec: ToolSpec, expected: Sequence[ExpectedFile]) -> ToolSpec:
    """The tool's description, with the files that are wanted."""
    wanted = "\n".join(map(_wish, expected))
    return replace(
        spec, description=f"{spec.description}\n\nThe user needs these files in the working directory:\n{wanted}"
    )


def _wish(file: ExpectedFile) -> str:
    kind = f" ({file.format})" if file.format else ""
    return f"- {file.name}{kind}{f': {file.description}' if file.description else ''}"


def still_missing(made: Collected) -> tuple[str, ...]:
    """What a model should be told when files that are wanted are not there yet."""
    return (f"Still to be made: {', '.join(made.missing)}",) if made.missing else ()


def files_data(files: Sequence[StoredFile]) -> list[dict[str, Any]]:
    """The files of a result for API clients."""
    return [{"id": file.id, "name": file.path, "bytes": file.size} for file in files]


def take_in(store: FileStore, session_id: str, file: InputFile) -> StoredFile:
    """Keep a file that was handed in; the same file handed in again is the one from before, another one of that name
    gets a new name (`a.txt`, `a-2.txt`).

    Raises: RequestError (413) when it is too large.
    """
    if len(file.body) > MAX_FILE_BYTES:
        message = f"file {file.name!r} has {len(file.body)} bytes; the limit is {MAX_FILE_BYTES}"
        raise RequestError(message, status=413, code="file_too_large")
    known = store.of_session(session_id) if session_id else ()
    name = safe_name(file.name)
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    same_name = re.compile(rf"{re.escape(stem)}(-\d+)?{re.escape(dot + suffix)}")
    for other in known:
        same = other.purpose == "user_data" and other.size == len(file.body) and same_name.fullmatch(other.name)
        if same and store.body(other.id) == file.body:
            return other
    taken = {other.path for other in known}
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{dot}{suffix}"
    return store.add(session_id, name, file.body, mime_type=file.mime_type)


def take_in_stored(store: FileStore, session_id: str, file_id: str) -> StoredFile:
    """Bring a file that was uploaded before into a conversation.

    Raises: RequestError (404, 410) when it is unknown, or its body was not kept.
    """
    file = store.get(file_id)
    if file is None:
        raise RequestError(f"No file {file_id!r}.", status=404, code="file_not_found")
    if file.session_id == session_id:
        return file
    body = store.body(file_id)
    if body is None:
        raise RequestError(f"The contents of file {file_id!r} were too large to keep.", status=410, code="file_elided")
    return take_in(store, session_id, InputFile(file.name, body, file.mime_type))


async def lay_out(store: FileStore, session: Session, session_id: str, done: set[str]) -> None:
    """Put the files of a conversation into its working directory, but those in `done`, which grows. What is there
    already stays: the code may have changed it.
    """
    newest = {file.path: file for file in await asyncio.to_thread(store.of_session, session_id)}
    for path, file in newest.items():
        if file.id in done:
            continue
        done.add(file.id)
        body = await asyncio.to_thread(store.body, file.id)
        if body is None:
            continue
        try:
            await session.write_file(path, body)
        except FileExistsError:
            continue
        except FileRefused as error:
            log.warning("file %s of a session is not in its working directory: %s", file.id, error)


async def collect(
    store: FileStore, session: Session, session_id: str, expected: Sequence[str], source: Mapping[str, Any]
) -> Collected:
    """Keep what the last call made or changed, and what is `expected` wherever it lies. One path is one file: a new
    version takes the place of the old one.

    Raises: sandbox.SandboxError when the session is closed.
    """
    produced = {file.name: file.size for file in await session.produced_files()}
    known = {file.path: file for file in await asyncio.to_thread(store.of_session, session_id)}
    files: list[StoredFile] = []
    unchanged: list[StoredFile] = []
    missing: list[str] = []
    left = MAX_OUTPUT_BYTES
    for path in dict.fromkeys((*produced, *expected)):
        limit = min(left, MAX_FILE_BYTES)
        try:
            body = await session.read_file(path, limit)
        except (FileRefused, FileNotFoundError):
            body = None  # too large; or a trap, or gone since
        if body is None and produced.get(path, 0) <= limit:
            if path in expected:
                missing.append(path)
            continue
        left -= len(body or b"")
        new = _Version(path, body, produced[path] if body is None else len(body), source)
        old = known.get(path)
        kept = await asyncio.to_thread(_keep, store, session_id, old, new)
        if kept is not old:
            files.append(kept)
        elif path in expected:
            unchanged.append(kept)
    return Collected(tuple(files), tuple(unchanged), tuple(missing))


def keep_made(
    store: FileStore, session_id: str, made: Sequence[tuple[str, bytes]], source: Mapping[str, Any]
) -> tuple[StoredFile, ...]:
    """Keep files, names and bodies, that a tool made elsewhere. One name is one file here too."""
    known = {file.path: file for file in store.of_session(session_id)}
    for name, body in made:
        path = safe_name(name)
        known[path] = _keep(store, session_id, known.get(path), _Version(path, body, len(body), source))
    return tuple(known[path] for path in dict.fromkeys(safe_name(name) for name, _ in made))


@dataclass(frozen=True, slots=True)
class _Version:
    path: str
    body: bytes | None
    """None: too large to keep."""
    size: int
    source: Mapping[str, Any]


def _keep(store: FileStore, session_id: str, old: StoredFile | None, new: _Version) -> StoredFile:
    """`old` itself when nothing has changed."""
    if old is not None and new.body is not None and old.size == new.size and store.body(old.id) == new.body:
        return old
    source = dict(new.source)
    if safe_name(new.path) != new.path:
        source["path"] = new.path
    if old is not None and old.purpose == "agent_output":
        return store.rewrite(old, new.body, size=new.size, source=source)
    return store.add(session_id, new.path, new.body, size=new.size, purpose="agent_output", source=source)
