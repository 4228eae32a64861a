"""`mistralrs serve`: a model over HTTP and MCP, with the terminal chat on top."""

from __future__ import annotations

import click

from mistralrs_agent.cli.flags import SectionCommand, sections
from mistralrs_agent.options import SERVE, Options


@click.command(cls=SectionCommand)
@sections(*SERVE)
def serve(options: Options) -> None:
    """Serve a model to OpenAI and MCP clients.

    KIND is `auto` or `text`. With agent options on a terminal this also opens the full-screen chat (`--no-tui` does
    not).

    \b
    Examples:
      mistralrs serve --agent
      mistralrs serve -m Qwen/Qwen3-4B --port 8080
      mistralrs serve -f model.gguf --agent --no-tui
      mistralrs serve --host 0.0.0.0 --api-key secret
    """
    start_server(options)


def start_server(options: Options) -> None:
    """Load the model and serve until a signal comes or the person leaves the chat."""
    from mistralrs_agent.cli.listen import serve_model  # noqa: PLC0415 - engine, agent and server take a while

    serve_model(options)
