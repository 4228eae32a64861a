"""What one call gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "error", "timeout", "crashed"]


@dataclass(frozen=True, slots=True)
class Table:
    """A pandas frame or series that was the last expression, as text; large ones are cut."""

    columns: tuple[str, ...]
    """The index comes first."""
    rows: tuple[tuple[str, ...], ...]
    total_rows: int
    total_columns: int
    """Without the index."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one `Session.run` or `Session.shell`.

    Everything in it comes from untrusted code, except `status` and the numbers.
    """

    status: Status
    """`error`: the code raised, or the command ended with another status than 0. `timeout`: it ran too long.
    `crashed`: the interpreter ended, or was ended."""
    stdout: str
    """What the code and its child processes wrote to fd 1; the middle is left out when long."""
    stderr: str
    exception: str | None
    """The traceback, without frames of the sandbox; one sentence that says what happened for `timeout`, `crashed`."""
    value: str | None
    """`repr` of the last expression, shortened when long; None when there was none or it was None."""
    value_type: str | None
    images: tuple[bytes, ...]
    """PNG files: figures shown or left open, and an image that is the last expression."""
    duration_ms: float
    interrupted: bool
    """The running code was sent an interrupt (timeout)."""
    state_lost: bool
    """Variables of earlier calls are gone. Files in the working directory are still there."""
    working_directory: Path
    exit_code: int | None = None
    """Of a shell command; negative: the signal that ended it. None for Python, and when it did not come to an end."""
    table: Table | None = None
    notes: tuple[str, ...] = ()
    """Sentences the caller should see: why state was lost, what was left out."""
