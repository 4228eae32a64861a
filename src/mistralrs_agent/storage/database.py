"""Where state is kept: memory, one SQLite file in WAL mode, or any database that SQLAlchemy reaches.

Statements are SQL that SQLite and PostgreSQL both take, with `:named` values. Calls are short and synchronous; a killed
process leaves every finished transaction whole.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from mistralrs_agent.errors import ConfigError

MEMORY = "memory"
Run = Callable[..., Sequence[Sequence[Any]]]
"""`run(sql, **values)` inside a transaction; returns the rows."""


class Database(Protocol):
    """Runs statements in transactions. Safe to use from several threads."""

    blob: str
    """The type of columns that hold bytes."""

    def transaction(self) -> Any:
        """A context manager that gives a `Run`; what ran is kept when the block ends without an exception."""
        ...

    def define(self, *statements: str) -> None:
        """Run statements that make missing tables and indexes; safe when several servers start at once."""
        ...

    def close(self) -> None: ...


def open_database(where: str | Path) -> Database:
    """`memory`, a file name, or a SQLAlchemy URL such as `postgresql+psycopg://user@host/name`.

    Raises: ConfigError when it cannot be used.
    """
    text = str(where)
    if "://" in text and not text.startswith("sqlite:///"):
        return _UrlDatabase(text)
    return _SqliteDatabase(text.removeprefix("sqlite:///"))


def default_file() -> Path:
    """`mistralrs/state.db` in the folder for state of the person who runs this."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "mistralrs" / "state.db"


class _SqliteDatabase:
    blob = "BLOB"

    def __init__(self, path: str) -> None:
        try:
            if path != MEMORY:
                Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                Path(path).touch(mode=0o600)  # conversations are nobody else's business
            where = ":memory:" if path == MEMORY else path
            self._connection = sqlite3.connect(where, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"cannot keep state in {path!r}: {error}") from error
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Generator[Run]:
        def run(sql: str, **values: Any) -> Sequence[Sequence[Any]]:
            return self._connection.execute(sql, values).fetchall()

        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield run
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def define(self, *statements: str) -> None:
        with self.transaction() as run:
            for statement in statements:
                run(statement)

    def close(self) -> None:
        self._connection.close()


class _UrlDatabase:
    def __init__(self, url: str) -> None:
        try:
            sqlalchemy = import_module("sqlalchemy")  # an optional dependency
        except ImportError as error:
            raise ConfigError("--state with a URL needs SQLAlchemy: pip install 'mistralrs-agent[state]'") from error
        self._text = sqlalchemy.text
        try:
            self._engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
            with self._engine.connect():
                pass
        except (import_module("sqlalchemy.exc").SQLAlchemyError, ImportError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"cannot keep state in {_without_password(url)!r}: {reason}") from error
        self.blob = "BYTEA" if self._engine.dialect.name == "postgresql" else "BLOB"

    @contextmanager
    def transaction(self) -> Generator[Run]:
        with self._engine.begin() as connection:

            def run(sql: str, **values: Any) -> Sequence[Sequence[Any]]:
                # PostgreSQL's texts hold no NUL: what is looked up by one is not there
                clean = {name: v.replace("\0", "\ufffd") if isinstance(v, str) else v for name, v in values.items()}
                result = connection.execute(self._text(sql), clean)
                return result.fetchall() if result.returns_rows else ()

            yield run

    def define(self, *statements: str) -> None:
        with self.transaction() as run:
            if self._engine.dialect.name == "postgresql":  # its IF NOT EXISTS fails when two ask at once
                run("SELECT pg_advisory_xact_lock(hashtext('mistralrs_agent'))")
            for statement in statements:
                run(statement)

    def close(self) -> None:
        self._engine.dispose()


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, separator, user = head.partition("://")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{tail}" if at else url
