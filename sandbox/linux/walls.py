"""What was tried around a session and what came of it."""

from __future__ import annotations

import json
import os
from typing import Any

USER_NAMESPACE_REMEDY = (
    "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
    "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile; in Docker a seccomp profile that allows "
    "unshare and mount)"
)


class Walls:
    """Rows for `sandbox.report.Layer`."""

    def __init__(self, separated: bool, own_root: bool) -> None:
        self.separated = separated
        self.own_root = own_root
        self.rows: list[dict[str, Any]] = []

    def note(
        self, name: str, on: bool, protects: tuple[str, ...], detail: str, remedy: str = "", stand_in: str = ""
    ) -> None:
        """Record one layer."""
        row = {"name": name, "on": on, "protects": protects, "detail": detail, "remedy": remedy, "stand_in": stand_in}
        self.rows.append(row)

    def tell(self, line: int, event: str, error: str | None = None) -> None:
        """Send the rows so far to the server."""
        os.write(line, json.dumps({"event": event, "layers": self.rows, "error": error}).encode() + b"\n")

    def has_loopback(self, network: str) -> bool:
        """Internet sockets are allowed where the network namespace makes them harmless."""
        return network == "loopback" and self.separated
