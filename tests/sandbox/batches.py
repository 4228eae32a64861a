"""Many cells in one session, in a process of its own, under a policy and as a user; each batch runs once."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WHO = ("root", "user")
NETWORKS = ("none", "loopback", "full")
ORDINARY_UID = 12345


@dataclass(frozen=True)
class Place:
    """Where a batch runs."""

    who: str
    """`root`, or `user` for an ordinary one."""
    network: str = "loopback"
    mode: str = "auto"
    bare: bool = False
    """On a machine without namespaces, as in most containers."""

    def __str__(self) -> str:
        return f"{self.who}-{self.network if self.mode == 'auto' else self.mode}{'-bare' if self.bare else ''}"


PLACES = [Place(who, network) for who in WHO for network in NETWORKS]
BARE_PLACES = [Place("root", "full", bare=True), Place("user", "loopback", bare=True)]
BARE_LACKS = {"namespaces", "own root", "own network"}


def run(place: Place, cases: tuple[tuple[str, str], ...]) -> dict[str, dict[str, Any]]:
    """What came of each case. Root plays the ordinary user; an ordinary user cannot play root."""
    told = _run(place, cases)
    assert isinstance(told, dict), told
    return told


@functools.cache
def _run(place: Place, cases: tuple[tuple[str, str], ...]) -> dict[str, dict[str, Any]] | str:
    """The same, with what went wrong as text: it is not tried again for each case."""
    am_root = os.geteuid() == 0
    if place.who == "root" and not am_root:
        pytest.skip("needs root")
    request = {
        "uid": ORDINARY_UID if place.who == "user" and am_root else None,
        "rules": {"mode": place.mode, "network": place.network, "timeout_s": 60},
        "refused": ["unshare"] if place.bare else [],
        "cases": cases,
    }
    command = [sys.executable, str(Path(__file__).parent / "stranger.py")]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, timeout=300, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def skip_without_layers(told: dict[str, dict[str, Any]], place: Place) -> None:
    """Skips where a layer is missing that the place should have, naming it."""
    missing = [name for name, on in told["layers"].items() if not on and not (place.bare and name in BARE_LACKS)]
    if missing:
        pytest.skip(f"this machine lacks {', '.join(missing)}")
