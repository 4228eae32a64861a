"""What the launcher is told: a policy with every decision made. Crosses a process border as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

FDS = ("control", "supervisor", "stdout", "stderr")
"""The descriptors that go with a plan, in this order."""


@dataclass(frozen=True)
class Plan:
    """One interpreter to start and the walls to put around it."""

    isolated: bool
    """False for mode `off`: no walls, only an orderly end."""
    network: str
    memory_bytes: int
    cpu_s: int
    processes: int
    disk_bytes: int
    uid: int
    """Unprivileged user the code runs as."""
    gid: int
    workdir: str
    tmp: str
    """Private directory for temporary files."""
    stage: str
    """Empty directory on which the new root is built."""
    readable: tuple[str, ...]
    environment: dict[str, str]
    """`{tmp}` stands for the temporary directory as seen inside."""

    def to_json(self) -> bytes:
        """Return the plan as one line of text."""
        return json.dumps(asdict(self)).encode("ascii")

    @classmethod
    def from_json(cls, text: bytes) -> Plan:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["readable"] = tuple(values["readable"])
        return cls(**values)
