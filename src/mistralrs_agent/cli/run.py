"""`mistralrs run`: chat without a server port."""

from __future__ import annotations

import click

from mistralrs_agent.cli.flags import SectionCommand, sections
from mistralrs_agent.options import RUN, Options


@click.command(cls=SectionCommand)
@sections(*RUN)
def run(options: Options) -> None:
    """Chat with a model in the terminal, without opening a port.

    KIND is `auto` or `text`. On a terminal this opens the full-screen chat; with `--plain`, or when input comes from a
    pipe, it reads and answers line by line.

    \b
    Examples:
      mistralrs run
      mistralrs run --agent --agent-permission ask
      mistralrs run -m Qwen/Qwen3-4B --plain
      mistralrs run -i "What is the capital of France?"
      git diff | mistralrs run -i -
    """
    start_chat(options)


def start_chat(options: Options) -> None:
    """Load the model and chat until the person leaves."""
    from mistralrs_agent.cli.chat import chat_with_model  # noqa: PLC0415 - the engine and the agent take a while

    chat_with_model(options)
