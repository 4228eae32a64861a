"""`mistralrs bench search`: how well and how fast searching finds what is known to be there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import click

from mistralrs_agent.errors import ConfigError
from mistralrs_agent.options import Options


def bench_search(options: Options) -> None:
    """Ask every question, ranking with embeddings and by word statistics alone.

    The pages go the whole way: engine, fetch, text, passages. Three things are counted: that the engine names the page
    of the answer, that something of it is in the text a model would get, and that the words of the answer are.

    Raises: ConfigError, UserError.
    """
    from mistralrs_agent.search.benchmark import measure_search, read_questions  # noqa: PLC0415 - takes a while
    from mistralrs_agent.search.engines import SearxngProvider  # noqa: PLC0415
    from mistralrs_agent.search.site import serving  # noqa: PLC0415
    from mistralrs_agent.search.web import SearchSettings, open_search  # noqa: PLC0415

    chosen = options.benchmark
    if chosen.pages is None or chosen.questions is None:
        raise ConfigError("bench search needs --pages and --questions")
    questions = read_questions(chosen.questions)
    asked = len(questions)
    results = {}
    with serving(chosen.pages) as base:
        for name, model in (("minilm", "minilm"), ("words", None)):
            search, _ = open_search(SearchSettings(embedding_model=model, allow_private=True), SearxngProvider(base))
            results[name] = asyncio.run(measure_search(search, base, questions))
    if chosen.json_output:
        click.echo(json.dumps({name: asdict(result) for name, result in results.items()}, indent=2))
        return
    click.echo(f"{asked} questions; the engine names the page of {results['words'].found}")
    click.echo(f"{'ranking':<8} {'context':<8} {'page':>6} {'answer':>7} {'p50 ms':>8} {'p95 ms':>8} {'MiB':>6}")
    for name, result in results.items():
        costs = f"{result.p50_ms:>8.0f} {result.p95_ms:>8.0f} {result.memory_mib:>6.0f}"
        for size, answered in result.answered.items():
            page, answer = (f"{count / result.questions:.0%}" for count in (result.in_text[size], answered))
            click.echo(f"{name:<8} {size:<8} {page:>6} {answer:>7} {costs}".rstrip())
            costs = ""
