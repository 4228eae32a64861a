"""What sandboxed code may do and use up. Data only: the mechanisms are in `sandbox.linux`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Mode = Literal["auto", "on", "off"]
Network = Literal["none", "loopback", "full"]


@dataclass(frozen=True, slots=True)
class SandboxPolicy:
    """The rules of one session."""

    mode: Mode = "auto"
    """`on` refuses to run unless every layer holds; `auto` runs with what there is but refuses without file isolation
    or when `network` cannot be kept; `off` runs the code as this user, with limits on output and time only."""
    network: Network = "loopback"
    """`loopback` is private to the session: services on the host's 127.0.0.1 are out of reach in every mode but
    `full`. `none` leaves only local (Unix) sockets."""
    max_memory_mb: int = 2048
    """MiB of address space of each process, and of memory of the whole session."""
    max_cpu_secs: int = 300
    """CPU seconds of the whole session, from its first call to its last or the next `reset`."""
    max_procs: int = 64
    """Processes and threads at one time."""
    max_disk_mb: int = 1024
    """MiB that the session may add to its working directory and temporary files."""
    python: Path | None = None
    """Interpreter that runs the code; None is the one running now, with its installed packages."""
    timeout_s: float = 30.0
    """Wall-clock seconds a call may take."""
    workdir: Path | None = None
    """Directory the code works in and may write to. None makes one that is removed with the session."""

    def __post_init__(self) -> None:
        if self.mode not in ("auto", "on", "off"):
            raise ValueError(f"mode is {self.mode!r}; it must be 'auto', 'on' or 'off'")
        if self.network not in ("none", "loopback", "full"):
            raise ValueError(f"network is {self.network!r}; it must be 'none', 'loopback' or 'full'")
        for name in ("max_memory_mb", "max_cpu_secs", "max_procs", "max_disk_mb", "timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be greater than 0")
