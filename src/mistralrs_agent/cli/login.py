"""`mistralrs login`: keep a Hugging Face token where every program of the hub looks for it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mistralrs_agent.errors import ConfigError


@click.command()
@click.option("--token", metavar="TOKEN", help="The token; asked for, without showing it, when unset.")
def login(token: str | None) -> None:
    """Store a Hugging Face token for models that need one.

    \b
    Examples:
      mistralrs login
      mistralrs login --token hf_…
    """
    from huggingface_hub.constants import HF_TOKEN_PATH  # noqa: PLC0415 - slow, and needed by this command only

    token = (token or click.prompt("Hugging Face token", hide_input=True)).strip()
    if not token.startswith("hf_"):
        raise ConfigError("a Hugging Face token starts with 'hf_'; make one at https://huggingface.co/settings/tokens")
    path = Path(HF_TOKEN_PATH)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token)
    path.chmod(0o600)  # also when the file was there before, with other rights
    click.echo(f"Token stored in {path}")
