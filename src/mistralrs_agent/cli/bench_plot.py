"""The picture of `mistralrs bench --plot`: prefill over the length of the prompt, decode over requests together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mistralrs_agent.errors import ConfigError

if TYPE_CHECKING:
    from mistralrs_agent.cli.bench import BenchRun

Lines = dict[str, list[tuple[int, float]]]
"""Points of a line by its label."""


def check_matplotlib() -> None:
    """Raises: ConfigError when nothing can be drawn, so that it is known before anything is measured."""
    if find_spec("matplotlib") is None:
        raise ConfigError("--plot needs matplotlib, which is not installed: pip install matplotlib")


def draw(runs: Sequence[BenchRun], path: Path) -> None:
    """Write the picture; its format is that of the file name."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow, and needed for this only

    panels = [
        ("prompt tokens", "prefill, tokens/s", _lines(_prefill(runs))),
        ("requests together", "decode, tokens/s", _lines(_decode(runs))),
    ]
    panels = [panel for panel in panels if panel[2]]
    figure = Figure(figsize=(5.5 * max(1, len(panels)), 4), layout="constrained")
    for index, (across, up, lines) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), index + 1)
        for label, points in lines.items():
            axes.plot(*zip(*sorted(points), strict=True), marker="o", label=label)
        axes.set(xlabel=across, ylabel=up, ylim=(0, None))
        axes.set_xticks(sorted({x for points in lines.values() for x, _ in points}))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(runs[0].model.id)
    figure.savefig(path)


def _prefill(runs: Sequence[BenchRun]) -> Iterator[tuple[str, int, float]]:
    for run in runs:
        for result in run.results:
            if not result.timing.decode_tokens_per_s:
                label = f"{_weights(run)}, {result.case.concurrency} together"
                yield label, result.case.prompt_tokens, result.timing.prefill_tokens_per_s


def _decode(runs: Sequence[BenchRun]) -> Iterator[tuple[str, int, float]]:
    for run in runs:
        for result in run.results:
            if result.timing.decode_tokens_per_s:
                label = f"{_weights(run)}, {result.case.generated_tokens} after {result.case.prompt_tokens}"
                yield label, result.case.concurrency, result.timing.decode_tokens_per_s


def _lines(points: Iterator[tuple[str, int, float]]) -> Lines:
    lines: Lines = {}
    for label, x, y in points:
        lines.setdefault(label, []).append((x, y))
    return lines


def _weights(run: BenchRun) -> str:
    return run.level or run.model.quantization
