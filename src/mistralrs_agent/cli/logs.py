"""Where log lines go: standard error, or a file while the terminal shows the chat."""

from __future__ import annotations

import logging
import os
from pathlib import Path

ACCESS_LOG = "mistralrs_agent.access"
_OURS = ("mistralrs_agent", "engine", "sandbox", "tui")


def log_to_terminal(verbose: int, *, quiet: bool = False) -> None:
    """Log lines on standard error; `quiet` keeps to warnings, where a conversation is shown between them."""
    _configure(logging.StreamHandler(), verbose, logging.WARNING if quiet else logging.INFO)


def log_to_file(verbose: int) -> Path:
    """Log lines in a file, so that they do not run over the full-screen chat. Returns where it is."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "mistralrs" / "mistralrs.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    _configure(logging.FileHandler(path, encoding="utf-8"), verbose)
    return path


def _configure(handler: logging.Handler, verbose: int, ours: int = logging.INFO) -> None:
    """Ours at `ours`, with -v at DEBUG; other libraries at WARNING, with -vv at DEBUG."""
    logging.basicConfig(
        handlers=[handler],
        level=logging.DEBUG if verbose > 1 else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    if not verbose:
        os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # the hub's retries; what comes of them is an error of ours
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else ours)
