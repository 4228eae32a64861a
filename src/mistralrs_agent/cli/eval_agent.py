"""`mistralrs eval agent`: a server for the time of the evaluation, every prompt, and a table of what was right."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import click

from mistralrs_agent.cli.wiring import open_agent, server_settings
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.evaluation.cases import Case, cases, write_pages
from mistralrs_agent.evaluation.runner import Asker, Outcome, as_json, outcomes, summary
from mistralrs_agent.options import Options
from mistralrs_agent.search import site
from mistralrs_agent.server.app import create_app
from mistralrs_agent.server.serve import bind, serving, url_of

NO_ADAPTER = "none"
_FIGURES = {
    "rounds a prompt": "rounds",
    "tokens a second": "tokens_per_second",
    "first token, s": "first_token_s",
    "answer, s": "seconds",
}


def eval_agent(options: Options) -> None:
    """Ask everything and print. Raises: ConfigError, UserError."""
    asked = _chosen_cases(options)
    with open(options.evaluation.transcript or os.devnull, "w", encoding="utf-8") as transcript:
        results = asyncio.run(_run(options, asked, transcript))
    summaries = {name: summary(done) for name, done in results.items()}
    click.echo(json.dumps(summaries, indent=2) if options.evaluation.json_output else _table(summaries))


def _chosen_cases(options: Options) -> list[Case]:
    chosen, known = options.evaluation, cases(date.today())
    categories = list(dict.fromkeys(case.category for case in known))
    if unknown := [name for name in chosen.category if name not in categories]:
        raise ConfigError(f"there is no category {unknown[0]!r}; categories: {', '.join(categories)}")
    kept: list[Case] = []
    for name in chosen.category or categories:
        kept += [case for case in known if case.category == name][: chosen.limit]
    return kept


async def _run(options: Options, asked: Sequence[Case], transcript: TextIO) -> dict[str, list[Outcome]]:
    """Model, adapter or none → what came of every prompt."""
    adapters: list[str | None] = [None, NO_ADAPTER] if options.evaluation.base else [None]
    async with AsyncExitStack() as stack:
        pages = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mistralrs-eval-")))
        write_pages(pages)
        options = _with_tools(options, stack.enter_context(site.serving(pages)))
        running = await stack.enter_async_context(open_agent(options, logging.getLogger().info, local_pages=True))
        listener = stack.enter_context(closing(bind("127.0.0.1", 0)))
        app = create_app(running.agent, server_settings(options, running))
        await stack.enter_async_context(serving(app, listener))
        results: dict[str, list[Outcome]] = {}
        for adapter in adapters:
            asker = Asker(url_of(listener), adapter)
            stack.push_async_callback(asker.close)
            name = running.agent.model.info.id if adapter is None else "without adapter"
            results[name] = []
            with click.progressbar(length=len(asked), label=name, file=sys.stderr) as bar:
                async for outcome in outcomes(asker, asked):
                    results[name].append(outcome)
                    bar.update(1)
                    print(as_json(name, outcome), file=transcript, flush=True)
        return results


def _with_tools(options: Options, web: str) -> Options:
    agent = options.agent.model_copy(update={"agent": True, "search_provider": (f"searxng={web}",)})
    return replace(options, agent=agent)


def _table(summaries: dict[str, dict[str, Any]]) -> str:
    """A line for each measure and category, a column for each model."""
    first = next(iter(summaries.values()))
    lines = [f"{'':<22}" + "".join(f"{name[-24:]:>26}" for name in summaries)]
    for measure in first["all"]:
        lines.append(f"{measure:<22}" + _shares(s["all"][measure] for s in summaries.values()))
    lines.append("solved:")
    for category in first["categories"]:
        lines.append(f"  {category:<20}" + _shares(s["categories"][category]["solved"] for s in summaries.values()))
    for label, key in _FIGURES.items():
        lines.append(f"{label:<22}" + "".join(f"{s[key]:>26.2f}" for s in summaries.values()))
    return "\n".join(lines)


def _shares(shares: Iterable[float]) -> str:
    return "".join(f"{share:>26.1%}" for share in shares)
