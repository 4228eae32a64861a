"""`mistralrs serve`: models over HTTP and MCP, with the terminal chat on top."""

from __future__ import annotations

import click

from mistralrs_agent.cli.flags import SectionCommand, sections
from mistralrs_agent.options import SERVE, Options


@click.command(cls=SectionCommand)
@sections(*SERVE)
def serve(options: Options) -> None:
    """Serve a model over HTTP and MCP; with agent options on a terminal, chat with it too.

    \b
    Examples:
      mistralrs serve --agent
      mistralrs serve -m Qwen/Qwen3-4B --port 8080 --api-key secret
      mistralrs serve -f model.gguf --no-tui
    """
    print(options)
