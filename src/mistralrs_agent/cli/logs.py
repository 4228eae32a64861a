"""Where log lines go: standard error, or a file while the terminal shows the chat."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from mistralrs_agent.logs import Concealer, JsonLines, RequestIds, TextLines
from mistralrs_agent.options import Options

ACCESS_LOG = "mistralrs_agent.access"
_OURS = ("mistralrs_agent", "engine", "sandbox", "tui")


@dataclass(frozen=True, slots=True)
class LogStyle:
    """How lines are written."""

    verbose: int = 0
    json: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that no line may show."""

    @classmethod
    def of(cls, options: Options) -> LogStyle:
        return cls(options.general.verbose, options.server.access_log_format == "json", options.secrets())


def log_to_terminal(style: LogStyle, *, quiet: bool = False) -> None:
    """Log lines on standard error; `quiet` keeps to warnings, where a conversation is shown between them."""
    _configure(logging.StreamHandler(), style, logging.WARNING if quiet else logging.INFO)


def log_to_file(style: LogStyle) -> Path:
    """Log lines in a file, so that they do not run over the full-screen chat. Returns where it is."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "mistralrs" / "mistralrs.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    _configure(logging.FileHandler(path, encoding="utf-8"), style)
    return path


def _configure(handler: logging.Handler, style: LogStyle, ours: int = logging.INFO) -> None:
    """Ours at `ours`, with -v at DEBUG; other libraries at WARNING, with -vv at DEBUG."""
    conceal = Concealer(style.secrets)
    handler.setFormatter(JsonLines(conceal) if style.json else TextLines(conceal))
    handler.addFilter(RequestIds())
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if style.verbose > 1 else logging.WARNING, force=True)
    if not style.verbose:
        os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # the hub's retries; what comes of them is an error of ours
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.DEBUG if style.verbose else ours)
