"""Conversations that last: messages by session id."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine import Message
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.storage.database import MEMORY, Database, open_database
from mistralrs_agent.storage.files import FileStore

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS sessions"
    " (id TEXT PRIMARY KEY, updated DOUBLE PRECISION NOT NULL, messages TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sessions_updated ON sessions (updated)",
)


class SessionStore:
    """Messages by session id, and beside them the files. Calls are short; each is one transaction."""

    def __init__(
        self,
        where: str | Path = MEMORY,
        *,
        keep: int = 10_000,
        ttl_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`where`: see `open_database`. `keep`: how many sessions stay, the ones unused for longest go first;
        `ttl_s`: how long an unused one stays, None: for ever.

        Raises: ConfigError when the place cannot be used.
        """
        self._database: Database = open_database(where)
        try:
            self._database.define(*_SCHEMA)
            self.files = FileStore(self._database, clock=clock)
        except Exception as error:  # each kind of database has errors of its own
            raise ConfigError(f"cannot keep state in {str(where)!r}: {error}") from error
        self._keep = keep
        self._ttl_s = ttl_s
        self._clock = clock

    def load(self, session_id: str) -> tuple[Message, ...] | None:
        """The messages of a session; None for an unknown one."""
        with self._database.transaction() as run:
            rows = run("SELECT messages FROM sessions WHERE id = :id", id=session_id)
        return tuple(map(Message.from_json, json.loads(rows[0][0]))) if rows else None

    def save(self, session_id: str, messages: Sequence[Message]) -> None:
        """Replace what is stored for a session."""
        body = json.dumps([message.to_json() for message in messages])
        now = self._clock()
        with self._database.transaction() as run:
            run(
                "INSERT INTO sessions VALUES (:id, :now, :body) "
                "ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, messages = excluded.messages",
                id=session_id,
                now=now,
                body=body,
            )
            surplus = run("SELECT updated FROM sessions ORDER BY updated DESC LIMIT 1 OFFSET :keep", keep=self._keep)
            until = max(
                surplus[0][0] if surplus else 0.0,
                now - self._ttl_s if self._ttl_s is not None else 0.0,
            )
            if until > 0.0:
                old = "SELECT id FROM sessions WHERE updated <= :until"
                run(f"DELETE FROM files WHERE session_id IN ({old})", until=until)
                run("DELETE FROM sessions WHERE updated <= :until", until=until)

    def delete(self, session_id: str) -> None:
        """Forget a session and its files; an unknown one is fine."""
        with self._database.transaction() as run:
            run("DELETE FROM files WHERE session_id = :id", id=session_id)
            run("DELETE FROM sessions WHERE id = :id", id=session_id)

    def ids(self) -> tuple[str, ...]:
        """All sessions, the last used first."""
        with self._database.transaction() as run:
            return tuple(row[0] for row in run("SELECT id FROM sessions ORDER BY updated DESC"))

    def close(self) -> None:
        self._database.close()
