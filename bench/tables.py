"""Markdown from the records of `compare.py`: a line for each row and model, medians, ratios and what is aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rows import PEERS, ROWS, Row

Record = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """What one contender reached in one row with one model."""

    values: list[float]
    """One a round."""
    details: str
    """Medians of the two ways, where a value is their quotient."""
    read_bytes_per_s: float | None
    error: str

    @property
    def middle(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> float:
        """(largest - smallest) / median."""
        return (max(self.values) - min(self.values)) / abs(self.middle)


def table(records: Sequence[Record]) -> str:
    lines = [
        f"| work | model | ours | {' | '.join(PEERS)} | of the memory's speed | aimed at | reached |",
        "|---" * (6 + len(PEERS)) + "|",
    ]
    for key, row in ROWS.items():
        for model in sorted({r["model"] for r in records if r.get("row") == key}):
            lines.append(_line(row, model, [r for r in records if r.get("row") == key and r["model"] == model]))
    starts = [r for r in records if "start" in r]
    about = [f"{r['start'][:16]} UTC, {r['cores']} cores {r['cpu']}, commit {r['commit']}" for r in starts]
    return "\n".join([*lines, "", "In brackets: ours ÷ theirs. ± is half of (largest − smallest) ÷ median.", *about])


def _line(row: Row, model: str, records: list[Record]) -> str:
    ours = _series(row, [r for r in records if r["contender"].startswith("ours")])
    limit = [r["bytes_per_s"] for r in _counted([r for r in records if "bytes_per_s" in r])]
    cells = [_cell(ours, None)]
    ratios: dict[str, float] = {}
    for peer in PEERS:
        theirs = _series(row, [r for r in records if r["contender"] == peer])
        if ours.values and theirs.values:
            ratios[peer] = ours.middle / theirs.middle
        cells.append(_cell(theirs, ratios.get(peer)))
    share = "–"
    if limit and ours.read_bytes_per_s:
        share = f"{ours.read_bytes_per_s / median(limit):.0%} of {median(limit) / 1e9:.0f} GB/s"
    cells = [row.title, model, *cells, share, row.target, _reached(row, model, ours, ratios)]
    return f"| {' | '.join(cells)} |"


def _cell(series: Series, ratio: float | None) -> str:
    if not series.values:
        return f"fails: {series.error[:60].replace('|', '/')}" if series.error else "–"
    spread = f" ± {series.spread / 2:.0%}" if len(series.values) > 1 else ""
    compared = f" ({ratio:.2f} ×)" if ratio is not None else ""
    return f"{_number(series.middle)}{spread}{compared}{series.details}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _series(row: Row, records: list[Record]) -> Series:
    error = next((r["error"] for r in records if "error" in r), "")
    read = [r["read_bytes_per_s"] for r in _counted(records) if "read_bytes_per_s" in r]
    by_way = [_by_round([r for r in records if r["way"] == way and "value" in r]) for way in row.ways]
    if len(by_way) == 1:
        return Series(list(by_way[0].values()), "", median(read) if read else None, error)
    base, other = by_way
    rounds = [number for number in other if number in base]
    if not rounds:
        return Series([], "", None, error)
    middles = " ÷ ".join(_number(median(way.values())) for way in (other, base))
    return Series([other[number] / base[number] for number in rounds], f", {middles}", None, error)


def _by_round(records: list[Record]) -> dict[tuple[str, int], float]:
    return {(r["run"], r["round"]): r["value"] for r in _counted(records)}


def _counted(records: list[Record]) -> list[Record]:
    """Without the warming round, unless that is all."""
    return [r for r in records if r["round"] > 0] or records


def _reached(row: Row, model: str, ours: Series, ratios: dict[str, float]) -> str:
    if not ours.values:
        return "–"
    wanted = [(peer, ratio) for part, peers in row.at_least.items() if part in model for peer, ratio in peers.items()]
    facts = [ratios[peer] >= ratio for peer, ratio in wanted if peer in ratios]
    facts += [] if row.value_at_least is None else [ours.middle >= row.value_at_least]
    facts += [] if row.value_at_most is None else [ours.middle <= row.value_at_most]
    return "–" if not facts else "yes" if all(facts) else "no"
