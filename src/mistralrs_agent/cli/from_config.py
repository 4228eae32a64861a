"""`mistralrs from-config`: start what a configuration file describes."""

from __future__ import annotations

from pathlib import Path

import click

from mistralrs_agent.cli.run import start_chat
from mistralrs_agent.cli.serve import start_server
from mistralrs_agent.options.file import load_options


@click.command("from-config")
@click.option("-f", "--file", required=True, type=click.Path(path_type=Path), help="TOML file (or the older JSON).")
def from_config(file: Path) -> None:
    """Start `serve` or `run` with the options of a file.

    \b
    Example:
      mistralrs from-config -f agent.toml

    \b
    The file names the same options as the flags, in tables:
      command = "serve"
      [[models]]
      model_id = "Qwen/Qwen3-4B"
      [runtime]
      agent = true
      [server]
      port = 8080
    """
    command, options = load_options(file)
    start = start_server if command == "serve" else start_chat
    start(options)
