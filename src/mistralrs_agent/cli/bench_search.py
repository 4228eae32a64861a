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

    The pages go the whole way: engine, fetch, text, passages. A question is answered when the words of its answer, from
    its page, are in the text a model would get.

    Raises: ConfigError, UserError.
    """
    from mistralrs_agent.search.benchmark import measure_search, read_questions  # noqa: PLC0415 - takes a while
    from mistralrs_agent.search.engines import SearxngProvider  # noqa: PLC0415
    from mistralrs_agent.search.site import serving  # noqa: PLC0415
    from mistralrs_agent.search.web import SearchSettings, open_search  # noqa: PLC0415

    chosen = options.benchmark
    if chosen.pages is None or chosen.questions is None:
        raise ConfigError("bench search needs --pages and --questions")
    asked = read_questions(chosen.questions)
    results = {}
    with serving(chosen.pages) as base:
        for name, model in (("minilm", "minilm"), ("words", None)):
            search, _ = open_search(SearchSettings(embedding_model=model, allow_private=True), SearxngProvider(base))
            results[name] = asyncio.run(measure_search(search, base, asked))
    if chosen.json_output:
        click.echo(json.dumps({name: asdict(result) for name, result in results.items()}, indent=2))
        return
    click.echo(f"{'ranking':<8} {'answered':>12} {'p50 ms':>8} {'p90 ms':>8} {'chars':>8} {'peak MiB':>9}")
    for name, result in results.items():
        click.echo(
            f"{name:<8} {f'{result.answered}/{result.questions}':>12} {result.p50_ms:>8.0f} {result.p90_ms:>8.0f} "
            f"{result.mean_chars:>8.0f} {result.peak_memory_mib:>9.0f}"
        )
