"""How a log line looks, and what it never shows.

Every line carries the id of the request it belongs to. Secrets do not reach log calls in the first place; what a
library or a system's error message brings along all the same is hidden here, at the last moment before it is written.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime

from engine.request_id import request_id

HIDDEN = "[hidden]"
_MIN_SECRET_CHARS = 6
"""Shorter values are no secrets, and would be found everywhere."""
_SECRET_VARIABLE = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|HEADERS)$", re.IGNORECASE)
_HINTS = ("basic", "bearer", "authorization", "key", "token", "secret", "password", "sig", "://", "hf_", "sk-")
"""One of these stands in every text that a pattern below fits: looking for them is quicker."""
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(bearer|basic) +[^\s\"',;]+", rf"\1 {HIDDEN}"),
        (r"((?:authorization|x-api-key|x-subscription-token)[\"']?\s*[=:,]\s*b?[\"']?)[^\"'\n,]+", rf"\1{HIDDEN}"),
        (r"([?&;][\w-]*(?:key|token|secret|password|signature|sig)=)[^\s\"'&;]+", rf"\1{HIDDEN}"),
        (r"((?:key|token|secret|password)(?:=|[\"']\s*[:,]\s*b?)[\"'])[^\"']+", rf"\1{HIDDEN}"),
        (r"://[^/\s@:]*:[^/\s@]+@", f"://{HIDDEN}@"),
        (r"\b(?:hf_|sk-)[a-z0-9_-]{16,}", HIDDEN),
    )
)
"""A scheme and its credentials; headers; query strings; quoted values of JSON, reprs and tuples; URLs with a password;
keys that are known by how they begin."""
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {9: "\t", 10: "\\n", 13: "\\r"}


class Concealer:
    """Takes secrets out of text: known values, and what looks like a key, a token or a password."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        """Values of the environment whose names say that they are secret are known too."""
        named = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
        known = {value for value in (*secrets, *named) if value and len(value) >= _MIN_SECRET_CHARS}
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        lower = text.lower()
        if any(hint in lower for hint in _HINTS):
            for pattern, replacement in _PATTERNS:
                text = pattern.sub(replacement, text)
        return text


class RequestIds(logging.Filter):
    """Puts the id of the request that the code runs for on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


class TextLines(logging.Formatter):
    """`TIME LEVEL LOGGER: MESSAGE [REQUEST ID]`; only a traceback takes lines of its own."""

    def __init__(self, conceal: Concealer) -> None:
        super().__init__()
        self._conceal = conceal

    def format(self, record: logging.LogRecord) -> str:
        identity = getattr(record, "request_id", "")
        message = f"{record.levelname} {record.name}: {record.getMessage()}".translate(_CONTROL)
        line = f"{self.formatTime(record)} {message}" + (f" [{identity}]" if identity else "")
        return self._conceal("\n".join(filter(None, (line, _traceback(record)))))


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, `request_id`, `exception`, fields of the call."""

    def __init__(self, conceal: Concealer) -> None:
        super().__init__()
        self._conceal = conceal

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identity := getattr(record, "request_id", ""):
            line["request_id"] = identity
        line |= getattr(record, "fields", {})
        if trace := _traceback(record):
            line["exception"] = trace
        hidden = {name: self._conceal(value) if isinstance(value, str) else value for name, value in line.items()}
        return json.dumps(hidden, ensure_ascii=False, default=str)


def _traceback(record: logging.LogRecord) -> str:
    """Of the exception that the record is about; "" without one. A worker's comes as text."""
    if record.exc_info and record.exc_info[0] is not None:
        return "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return record.exc_text or ""
