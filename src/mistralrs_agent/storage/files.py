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

from mistralrs_agent.storage.database import Database

MAX_FILE_BYTES = 64 << 20
"""Larger uploads are refused; larger files of tools are listed without their body."""
MAX_FILES = 4096
_COLUMNS = "id, session_id, name, mime_type, purpose, created, size, source"
_WITHIN = "SUBSTR(session_id, 1, :length) = :space"
Purpose = Literal["user_data", "agent_output"]


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
    """Of an output: `tool`, `round`."""


class FileStore:
    """Files by id. Bodies can be large: call it in a thread when the file may be."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time, keep: int = MAX_FILES) -> None:
        """`keep`: how many files stay, the oldest go first."""
        self._database = database
        self._clock = clock
        self._keep = keep
        self._space = ""
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
            mime_type=mime_type or mimetypes.guess_type(name)[0] or _guess(body),
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
            surplus = run("SELECT created FROM files ORDER BY created DESC LIMIT 1 OFFSET :keep", keep=self._keep)
            if surplus:
                run("DELETE FROM files WHERE created <= :until", until=surplus[0][0])
        return file

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
    """The last part of a path, without anything that means something to a shell, a header or a file system."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = re.sub(r"[^\w.\-+ ()@,]", "_", last).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    return f"{stem[:180]}{dot}{suffix[:20]}" if dot else kept[:200] or "file"


def text_of(body: bytes) -> str | None:
    """What is in a file, if that is text."""
    try:
        return body.decode("utf-8-sig") if b"\0" not in body else None
    except UnicodeDecodeError:
        return None


def _guess(body: bytes | None) -> str:
    return "text/plain" if body is not None and text_of(body) is not None else "application/octet-stream"
