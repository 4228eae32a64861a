"""What the launcher is told: a policy with every decision made. Crosses a process border in one message."""

from __future__ import annotations

import marshal
from typing import NamedTuple

FDS = ("control", "supervisor", "stdout", "stderr")
"""The descriptors that go with a plan, in this order."""
MARSHAL_VERSION = 2
"""Of the format; every Python that we support reads and writes it. Only ever read by the zygote, from the server."""


class Shape(NamedTuple):
    """What of a plan the processes that stand by for it are made for."""

    isolated: bool
    network: str
    uid: int
    gid: int


class Plan(NamedTuple):
    """One interpreter to start and the walls to put around it.

    A tuple of few parts, because what a session makes of it is memory of its own.
    """

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
    group: str
    """Directory of the control group to join, or empty."""
    readable: str
    """Paths, joined by zero bytes."""

    def to_bytes(self) -> bytes:
        """Return the plan as a message."""
        return marshal.dumps(tuple(self), MARSHAL_VERSION)

    @classmethod
    def from_bytes(cls, message: bytes) -> Plan:
        """Read what `to_bytes` wrote."""
        return tuple.__new__(cls, marshal.loads(message))

    def shape(self) -> Shape:
        """Return what must be known before the processes of the session are made."""
        return Shape(self.isolated, self.network, self.uid, self.gid)

    def readable_paths(self) -> tuple[str, ...]:
        """What the code may read besides its own directories."""
        return tuple(self.readable.split("\0"))
