"""How the HTTP server behaves, decided once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mistralrs_agent.errors import ConfigError
from mistralrs_agent.storage.files import MAX_FILE_BYTES

DEFAULT_KEEP_ALIVE_MS = 10_000


def keep_alive_from_environment() -> float:
    """Seconds between keep-alive frames: `KEEP_ALIVE_INTERVAL` (milliseconds), else 10.

    Raises: ConfigError.
    """
    value = os.environ.get("KEEP_ALIVE_INTERVAL", str(DEFAULT_KEEP_ALIVE_MS))
    if not value.isdecimal() or int(value) == 0:
        raise ConfigError(f"KEEP_ALIVE_INTERVAL={value!r} is not a whole number of milliseconds above 0.")
    return int(value) / 1000


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What `create_app` and `create_mcp_app` are told."""

    api_key: str | None = field(default=None, repr=False)
    """Asked of every route but `/` and `/health`; None: nobody is asked, unless there are `user_keys`."""
    user_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Names of users by their keys; each has sessions, files and approvals of their own."""
    cors_origins: tuple[str, ...] = ()
    """Web origins (`https://host[:port]`, or `*`) whose pages may use this server, besides its own."""
    max_body_bytes: int = 50 * 1024 * 1024
    max_upload_bytes: int = MAX_FILE_BYTES + (1 << 20)
    """Of a form with files: the largest file, and what stands around it."""
    keep_alive_s: float = field(default_factory=keep_alive_from_environment)
    """Silence on a stream after which a comment frame is sent."""
    model_names: tuple[str, ...] = ()
    """What else clients may call the model, besides its id and `default`."""
    adapter_root: Path | None = None
    """Clients may load adapters from below this folder, and unload them; None: they may not."""
    request_id_header: bool = True
    """Send `x-request-id` back."""
    access_log_health: bool = False
    """Log `/`, `/health` and `/metrics` requests too."""
    metrics: bool = True
    """Serve `/metrics`."""
    sandbox_summary: str = ""
    """One line for remote chats: what isolates tools."""
    sandbox_table: str = ""
    """The same layers as text, for the terminal chat."""
    sandbox_layers: tuple[Mapping[str, Any], ...] = ()
    """Each layer of the sandbox as found at start-up, for `/health`."""
