"""Files of conversations: what people hand in and what tools make."""

from __future__ import annotations

import copy
import json
import mimetypes
import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import uuid4

from mistralrs_agent.storage.database import Database, Run

MAX_FILE_BYTES = 64 << 20
"""Larger uploads are refused; larger files of tools are listed without their body."""
MAX_FILES = 4096
MAX_TOTAL_BYTES = 16 << 30
_COLUMNS = "id, session_id, name, mime_type, purpose, created, size, source"
_WITHIN = "SUBSTR(session_id, 1, :length) = :space"
Purpose = Literal["user_data", "agent_output"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that someone hands in, not stored yet."""

    name: str
    body: bytes = field(repr=False)
    mime_type: str | None = None
    """None: found out from name and contents."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file without its body."""

    id: str
    session_id: str
    """Empty: handed in for no session in particular."""
    name: str
    """A safe last part of a path."""
    mime_type: str
    purpose: Purpose
    created: float
    """Seconds since 1970."""
    size: int
    """In bytes."""
    source: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of an output: `tool`, `round`, `turn`, and its `path` in the working directory where that is not just `name`."""

    @property
    def path(self) -> str:
        """Where tools see it, relative to their working directory. It may come from untrusted code: never open it."""
        return str(self.source.get("path", self.name))


class FileStore:
    """Files by id. Bodies can be large: call it in a thread when the file may be."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        keep: int = MAX_FILES,
        keep_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        """`keep`, `keep_bytes`: how many files, and how much of them, stay; the oldest go first."""
        self._database = database
        self._clock = clock
        self._keep = keep
        self._space = ""
        self._keep_bytes = keep_bytes
        database.define(
            "CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, name TEXT NOT NULL,"
            " mime_type TEXT NOT NULL, purpose TEXT NOT NULL, created DOUBLE PRECISION NOT NULL,"
            f" size BIGINT NOT NULL, source TEXT NOT NULL, body {database.blob})",
            "CREATE INDEX IF NOT EXISTS files_session ON files (session_id, created)",
            "CREATE INDEX IF NOT EXISTS files_created ON files (created)",
        )

    def within(self, space: str) -> FileStore:
        """The files of sessions whose keys begin with `space`, and those handed in there for no session."""
        view = copy.copy(self)
        view._space = self._space + space
        return view

    def add(
        self,
        session_id: str,
        name: str,
        body: bytes | None,
        *,
        size: int | None = None,
        purpose: Purpose = "user_data",
        mime_type: str | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> StoredFile:
        """Keep a file; a `body` of None (then give `size`) is one that was too large to keep."""
        name = safe_name(name)
        file = StoredFile(
            id=f"file-{uuid4()}",
            session_id=session_id,
            name=name,
            mime_type=_plain_type(mime_type) or mimetypes.guess_type(name)[0] or _guess(body),
            purpose=purpose,
            created=self._clock(),
            size=len(body) if body is not None else size or 0,
            source=source or {},
        )
        values = {name: getattr(file, name) for name in file.__slots__}
        values |= {"source": json.dumps(file.source), "session_id": self._space + session_id}
        with self._database.transaction() as run:
            run(
                f"INSERT INTO files ({_COLUMNS}, body) VALUES"
                " (:id, :session_id, :name, :mime_type, :purpose, :created, :size, :source, :body)",
                **values,
                body=body,
            )
            self._make_room(run)
        return file

    def rewrite(self, file: StoredFile, body: bytes | None, *, size: int, source: Mapping[str, Any]) -> StoredFile:
        """Put a new version in the place of a file, under the same id."""
        new = replace(file, size=size, source=source, created=self._clock())
        with self._database.transaction() as run:
            run(
                "UPDATE files SET size = :size, source = :source, created = :created, body = :body WHERE id = :id",
                id=new.id,
                size=new.size,
                source=json.dumps(new.source),
                created=new.created,
                body=body,
            )
            self._make_room(run)
        return new

    def get(self, file_id: str) -> StoredFile | None:
        with self._database.transaction() as run:
            rows = run(f"SELECT {_COLUMNS} FROM files WHERE id = :id AND {_WITHIN}", id=file_id, **self._within)
        return self._file(rows[0]) if rows else None

    def body(self, file_id: str) -> bytes | None:
        """What is in a file; None when it was not kept."""
        with self._database.transaction() as run:
            rows = run(f"SELECT body FROM files WHERE id = :id AND {_WITHIN}", id=file_id, **self._within)
        return bytes(rows[0][0]) if rows and rows[0][0] is not None else None

    def of_session(self, session_id: str) -> tuple[StoredFile, ...]:
        """The files of one session, the oldest first."""
        with self._database.transaction() as run:
            key = self._space + session_id
            rows = run(f"SELECT {_COLUMNS} FROM files WHERE session_id = :key ORDER BY created", key=key)
        return tuple(map(self._file, rows))

    def all(self) -> tuple[StoredFile, ...]:
        """Every file, the newest first."""
        with self._database.transaction() as run:
            rows = run(f"SELECT {_COLUMNS} FROM files WHERE {_WITHIN} ORDER BY created DESC", **self._within)
        return tuple(map(self._file, rows))

    def delete(self, file_id: str) -> None:
        with self._database.transaction() as run:
            run(f"DELETE FROM files WHERE id = :id AND {_WITHIN}", id=file_id, **self._within)

    def delete_session(self, session_id: str) -> None:
        with self._database.transaction() as run:
            run("DELETE FROM files WHERE session_id = :key", key=self._space + session_id)

    def _make_room(self, run: Run) -> None:
        """Forget the oldest files, but never the newest."""
        kept = total = 0
        for file_id, size in run("SELECT id, COALESCE(LENGTH(body), 0) FROM files ORDER BY created DESC, id"):
            kept, total = kept + 1, total + size
            if kept > 1 and (kept > self._keep or total > self._keep_bytes):
                run("DELETE FROM files WHERE id = :id", id=file_id)

    def copy(self, file: StoredFile, session_id: str) -> StoredFile:
        """The same file in another session, under an id of its own."""
        return self.add(
            session_id,
            file.name,
            self.body(file.id),
            size=file.size,
            purpose=file.purpose,
            mime_type=file.mime_type,
            source=file.source,
        )

    @property
    def _within(self) -> dict[str, Any]:
        return {"space": self._space, "length": len(self._space)}

    def _file(self, row: Any) -> StoredFile:
        file = StoredFile(*row[:7], source=json.loads(row[7]))
        return replace(file, session_id=file.session_id.removeprefix(self._space))


def safe_name(name: str) -> str:
    """The last part of a path, without anything that means something to a shell, a header or a file system; at most
    200 bytes of UTF-8.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = re.sub(r"[^\w.\-+ ()@,]", "_", last).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    return f"{_cut(stem, 180)}{dot}{_cut(suffix, 19)}" if dot else _cut(kept, 200) or "file"


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


def text_of(body: bytes) -> str | None:
    """What is in a file, if that is text."""
    try:
        return body.decode("utf-8-sig") if b"\0" not in body else None
    except UnicodeDecodeError:
        return None


def _plain_type(given: str | None) -> str | None:
    """What a client calls a file, without parameters; None when that says nothing."""
    plain = (given or "").partition(";")[0].strip().lower()
    known = re.fullmatch(r"[\w.+-]{1,64}/[\w.+-]{1,64}", plain, re.ASCII) and plain != "application/octet-stream"
    return plain if known else None


def _guess(body: bytes | None) -> str:
    return "text/plain" if body is not None and text_of(body) is not None else "application/octet-stream"
