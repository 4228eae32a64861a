"""`mistralrs tui`: the full-screen chat with a server that already runs."""

from __future__ import annotations

import asyncio
import sys

import click

from mistralrs_agent.errors import UserError


@click.command()
@click.argument("url", default="http://127.0.0.1:1234")
@click.option("--api-key", metavar="KEY", envvar="MISTRALRS_API_KEY", help="The server's key. [env: MISTRALRS_API_KEY]")
def tui(url: str, api_key: str | None) -> None:
    """Chat with a running server in the full-screen terminal app.

    \b
    Examples:
      mistralrs tui
      mistralrs tui http://192.168.0.12:1234 --api-key secret
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("the full-screen chat needs a terminal; programs can use the server's HTTP API")
    from mistralrs_agent.cli.chat import chat_with_server  # noqa: PLC0415 - the terminal app takes a while

    asyncio.run(chat_with_server(url, api_key))
