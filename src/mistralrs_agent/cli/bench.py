"""`mistralrs bench`: how fast a model runs here."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING

import click

from mistralrs_agent.cli.flags import SectionCommand, sections
from mistralrs_agent.options import BENCH, Options
from mistralrs_agent.options.benchmark import numbers

if TYPE_CHECKING:
    from engine.benchmark import Case, Measurement


@click.command(cls=SectionCommand)
@sections(*BENCH)
def bench(options: Options) -> None:
    """Measure how fast a model runs on this machine.

    Prefill, time to first token, decode and peak memory, in this process. Prompts are random tokens, so the prefix
    cache does not help. Rates are of all requests together.

    \b
    Examples:
      mistralrs bench
      mistralrs bench -f model.gguf --prompt-len 128,512,2048 --gen-len 128 --concurrency 1,8
      mistralrs bench -m Qwen/Qwen3-0.6B --json
    """
    from engine.benchmark import measure  # noqa: PLC0415 - torch takes a while
    from engine.loading.source import resolve  # noqa: PLC0415
    from engine.plan import build_engine  # noqa: PLC0415
    from mistralrs_agent.cli.wiring import model_options  # noqa: PLC0415

    wanted = model_options(options)
    engine, info = build_engine(wanted, resolve(wanted, _say), _say)
    chosen = options.benchmark
    results: list[Measurement] = []
    for case in _cases(options):
        results.append(measure(engine, case, iterations=chosen.iterations, warmup=chosen.warmup))
        if not chosen.json_output:
            click.echo(_row(results[-1]) if len(results) > 1 else f"{_HEADINGS}\n{_row(results[-1])}")
    if chosen.json_output:
        click.echo(json.dumps({"model": asdict(info), "results": [asdict(result) for result in results]}, indent=2))


def _cases(options: Options) -> list[Case]:
    """Prefill cases, then decode cases, each at every concurrency."""
    from engine.benchmark import Case  # noqa: PLC0415

    chosen = options.benchmark
    together = numbers(chosen.concurrency)
    prefill = [Case(n, 1, c) for n, c in product(numbers(chosen.prompt_len), together) if n > 0]
    lengths = [n for n in numbers(chosen.gen_len) if n > 1]
    return prefill + [Case(d, n, c) for n, d, c in product(lengths, numbers(chosen.depth), together)]


_HEADINGS = f"{'case':<28} {'tokens/s':>9} {'TTFT ms':>9} {'ms/token':>9} {'spread':>7} {'peak MiB':>9}"


def _row(result: Measurement) -> str:
    case, timing = result.case, result.timing
    if timing.decode_tokens_per_s:
        name = f"decode {case.generated_tokens} after {case.prompt_tokens}"
        rate, per_token = timing.decode_tokens_per_s, f"{1000 * case.concurrency / timing.decode_tokens_per_s:.2f}"
    else:
        name, rate, per_token = f"prefill {case.prompt_tokens}", timing.prefill_tokens_per_s, ""
    name += f" x {case.concurrency}" if case.concurrency > 1 else ""
    return (
        f"{name:<28} {rate:>9.1f} {1000 * timing.ttft_s:>9.1f} {per_token:>9} "
        f"{result.spread:>7.0%} {result.peak_memory_mib:>9.0f}"
    )


def _say(text: str) -> None:
    click.echo(text, err=True)
