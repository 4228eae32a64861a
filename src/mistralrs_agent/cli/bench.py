"""`mistralrs bench`: how fast a model runs here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import click

from mistralrs_agent.cli.flags import SectionCommand, sections
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.options import BENCH, Options
from mistralrs_agent.options.benchmark import numbers

if TYPE_CHECKING:
    from engine.benchmark import Case, Measurement
    from engine.request import ModelInfo


@dataclass(frozen=True, slots=True)
class BenchRun:
    """Everything measured with one model at one level of quantisation."""

    level: str | None
    """As for `--isq`; None: the weights as they came."""
    model: ModelInfo
    results: tuple[Measurement, ...]


@click.command(cls=SectionCommand)
@sections(*BENCH)
def bench(options: Options) -> None:
    """Measure how fast a model, the sandbox or web search is here.

    WHAT is `model`, `sandbox` or `search`. Of a model: prefill, time to first token, decode and peak memory, in this
    process. Prompts are random tokens, so the prefix cache does not help. Rates are of all requests together. Lengths,
    depths, concurrency and levels take lists: every combination is measured.

    \b
    Examples:
      mistralrs bench
      mistralrs bench -f model.gguf --prompt-len 128,512,2048 --gen-len 128 --concurrency 1,8
      mistralrs bench -m Qwen/Qwen3-0.6B --levels none,q8_0,q4k --plot speed.svg
      mistralrs bench -m Qwen/Qwen3-0.6B --json
      mistralrs bench sandbox
      mistralrs bench search --pages FOLDER --questions FILE
    """
    from mistralrs_agent.cli.bench_plot import check_matplotlib, draw  # noqa: PLC0415
    from mistralrs_agent.cli.bench_sandbox import bench_sandbox  # noqa: PLC0415
    from mistralrs_agent.cli.bench_search import bench_search  # noqa: PLC0415

    chosen = options.benchmark
    if chosen.what == "sandbox":
        bench_sandbox(options)
        return
    if chosen.what == "search":
        bench_search(options)
        return
    levels = _levels(options)
    if chosen.plot:
        check_matplotlib()
    show = None if chosen.json_output else Table(with_levels=len(levels) > 1)
    runs = [_run(options, level, show) for level in levels]
    if chosen.json_output:
        click.echo(json.dumps({"runs": [asdict(run) for run in runs]}, indent=2))
    if chosen.plot:
        draw(runs, chosen.plot)
        _say(f"Drawn into {chosen.plot}")


def _levels(options: Options) -> list[str | None]:
    """What to quantise to, one after the other. Raises: UnsupportedModel, ConfigError."""
    from engine.quant.levels import format_of  # noqa: PLC0415

    if options.benchmark.levels is None:
        return [options.quantization.isq]
    if options.quantization.isq or options.quantization.quant:
        raise ConfigError("--levels cannot be combined with --isq or --quant; name all of them in --levels")
    names = [name.strip() for name in options.benchmark.levels.split(",")]
    for name in names:
        if name != "none":
            format_of(name, "--levels")
    return [None if name == "none" else name for name in names]


def _run(options: Options, level: str | None, show: Table | None) -> BenchRun:
    """Load the model at one level and measure every case."""
    from engine.benchmark import forget_peak_memory, measure  # noqa: PLC0415 - torch takes a while
    from engine.loading.source import resolve  # noqa: PLC0415
    from engine.plan import build_engine  # noqa: PLC0415
    from mistralrs_agent.cli.wiring import model_options  # noqa: PLC0415

    forget_peak_memory()
    wanted = replace(model_options(options), isq=level)
    engine, info = build_engine(wanted, resolve(wanted, _say), _say)
    chosen = options.benchmark
    results: list[Measurement] = []
    for case in _cases(options):
        results.append(measure(engine, case, iterations=chosen.iterations, warmup=chosen.warmup))
        if show:
            show.row(level, results[-1])
    return BenchRun(level, info, tuple(results))


def _cases(options: Options) -> list[Case]:
    """Prefill cases, then decode cases, each at every concurrency."""
    from engine.benchmark import Case  # noqa: PLC0415

    chosen = options.benchmark
    together = numbers(chosen.concurrency)
    prefill = [Case(n, 1, c) for n, c in product(numbers(chosen.prompt_len), together) if n > 0]
    lengths = [n for n in numbers(chosen.gen_len) if n > 1]
    return prefill + [Case(d, n, c) for n, d, c in product(lengths, numbers(chosen.depth), together)]


class Table:
    """Prints measurements as they come."""

    def __init__(self, *, with_levels: bool) -> None:
        self._with_levels = with_levels
        heading = f"{'case':<28} {'tokens/s':>9} {'TTFT ms':>9} {'ms/token':>9} {'spread':>7} {'peak MiB':>9}"
        self._heading: str | None = f"{'level':<6} {heading}" if with_levels else heading

    def row(self, level: str | None, result: Measurement) -> None:
        if self._heading:
            click.echo(self._heading)
            self._heading = None
        case, timing = result.case, result.timing
        if timing.decode_tokens_per_s:
            name = f"decode {case.generated_tokens} after {case.prompt_tokens}"
            rate, per_token = timing.decode_tokens_per_s, f"{1000 * case.concurrency / timing.decode_tokens_per_s:.2f}"
        else:
            name, rate, per_token = f"prefill {case.prompt_tokens}", timing.prefill_tokens_per_s, ""
        name += f" x {case.concurrency}" if case.concurrency > 1 else ""
        first = f"{level or 'none':<6} " if self._with_levels else ""
        click.echo(
            f"{first}{name:<28} {rate:>9.1f} {1000 * timing.ttft_s:>9.1f} {per_token:>9} "
            f"{result.spread:>7.0%} {result.peak_memory_mib:>9.0f}"
        )


def _say(text: str) -> None:
    click.echo(text, err=True)
