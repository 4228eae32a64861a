"""The file behind `--user-keys`: who may use a server, one `NAME KEY` a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mistralrs_agent.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MIN_KEY_CHARS = 16


def read_user_keys(path: Path | None) -> Mapping[str, str]:
    """Names of users by their keys; empty lines and those that begin with `#` say nothing. A user may have several.

    Raises: ConfigError, with the number of the line and never with a key.
    """
    if path is None:
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--user-keys {str(path)!r} cannot be read: {error}") from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, key = line.strip().partition(" ")
        key = key.strip()
        if not _NAME.fullmatch(name) or len(key) < MIN_KEY_CHARS or not key.isascii() or " " in key:
            raise ConfigError(
                f"--user-keys {str(path)!r}, line {number} should be 'NAME KEY': a name of letters, digits, '_' and "
                f"'-', and a key of at least {MIN_KEY_CHARS} ASCII characters without spaces"
            )
        if key in users:
            raise ConfigError(f"--user-keys {str(path)!r}, line {number}: this key stands in an earlier line too")
        users[key] = name
    if not users:
        raise ConfigError(f"--user-keys {str(path)!r} names nobody")
    return users
