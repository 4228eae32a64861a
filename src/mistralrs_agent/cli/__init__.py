"""The front door: `mistralrs COMMAND`. Reads options, wires the rooms, owns nothing."""

from __future__ import annotations

from mistralrs_agent.cli.root import cli, main

__all__ = ["cli", "main"]
