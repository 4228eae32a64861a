"""`mistralrs eval`: how good an agent a model is."""

from __future__ import annotations

import click

from mistralrs_agent.cli.flags import SectionCommand, sections
from mistralrs_agent.options import EVAL, Options


@click.command("eval", cls=SectionCommand)
@sections(*EVAL)
def evaluate(options: Options) -> None:
    """Judge how well a model works as an agent.

    WHAT is `agent`. Some 250 prompts go through a real server with real tools and a small web on this machine,
    greedily. Judged are the decision to call and what, whether calls are valid, their arguments, the final answer,
    and calls that need not be.

    \b
    Examples:
      mistralrs eval agent
      mistralrs eval agent --base
      mistralrs eval agent -m Qwen/Qwen3-4B --category web --limit 5
    """
    from mistralrs_agent.cli.eval_agent import eval_agent  # noqa: PLC0415 - engine, agent and server take a while

    eval_agent(options)
