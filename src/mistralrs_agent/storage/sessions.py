"""Conversations on disk: one SQLite file in WAL mode; a killed process leaves every finished turn whole."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from engine import Message
from mistralrs_agent.errors import ConfigError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, updated REAL NOT NULL, messages TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS sessions_updated ON sessions (updated);
"""


class SessionStore:
    """Messages by session id. Calls are short and synchronous; each save is one transaction."""

    def __init__(self, path: Path | str = ":memory:", *, keep: int = 10_000) -> None:
        """`keep`: how many sessions stay; the ones unused for longest go first.

        Raises: ConfigError when the file cannot be used.
        """
        try:
            if path != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"cannot keep sessions in {str(path)!r}: {error}") from error
        self._keep = keep

    def load(self, session_id: str) -> tuple[Message, ...] | None:
        """The messages of a session; None for an unknown one."""
        row = self._connection.execute("SELECT messages FROM sessions WHERE id = ?", (session_id,)).fetchone()
        return None if row is None else tuple(map(Message.from_json, json.loads(row[0])))

    def save(self, session_id: str, messages: Sequence[Message]) -> None:
        """Replace what is stored for a session."""
        body = json.dumps([message.to_json() for message in messages])
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, messages = excluded.messages",
                (session_id, time.time(), body),
            )
            self._connection.execute(
                "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions ORDER BY updated DESC LIMIT -1 OFFSET ?)",
                (self._keep,),
            )

    def delete(self, session_id: str) -> None:
        """Forget a session; an unknown one is fine."""
        self._connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

    def ids(self) -> tuple[str, ...]:
        """All sessions, the last used first."""
        return tuple(row[0] for row in self._connection.execute("SELECT id FROM sessions ORDER BY updated DESC"))

    def close(self) -> None:
        self._connection.close()
