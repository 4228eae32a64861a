"""`mistralrs tui`: the full-screen chat with a server that already runs."""

from __future__ import annotations

import click


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
