"""The engine's own counts, as the worker that runs it tells them, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from engine import EngineStats, FinishReason
from engine.request import Distribution

_GAUGES = {
    "mistralrs_sequences_running": ("Sequences that take part in steps.", "running"),
    "mistralrs_sequences_waiting": ("Sequences that wait for room.", "waiting"),
    "mistralrs_sequences_capacity": ("Most sequences that run at the same time.", "capacity"),
    "mistralrs_kv_cache_blocks_used": ("Blocks of the KV cache held by sequences.", "kv_blocks_used"),
    "mistralrs_kv_cache_blocks_total": ("Blocks of the KV cache.", "kv_blocks_total"),
}
_COUNTERS = {
    "mistralrs_tokens_processed": ("Tokens that went through the model, of prompts and replies.", "tokens_processed"),
    "mistralrs_prompt_tokens": ("Prompt tokens, those from the prefix cache included.", "prompt_tokens"),
    "mistralrs_generated_tokens": ("Tokens of replies.", "generated_tokens"),
    "mistralrs_prefix_cache_lookups": ("Prompt blocks asked for in the prefix cache.", "prefix_cache_lookups"),
    "mistralrs_prefix_cache_hits": ("Prompt blocks found in the prefix cache.", "prefix_cache_hits"),
    "mistralrs_prefix_cache_evictions": ("Cached blocks given to others.", "prefix_cache_evictions"),
    "mistralrs_paged_preemptions": ("Sequences that gave their blocks back and start again.", "preemptions"),
}
_HISTOGRAMS = {
    "mistralrs_time_to_first_token_seconds": ("From arrival in the engine to the first token.", "first_token_s"),
    "mistralrs_inter_token_latency_seconds": ("Between two tokens of a reply.", "between_tokens_s"),
    "mistralrs_grammar_compile_seconds": ("Compiling the grammar of a request.", "grammar_s"),
}
_BY_KIND = {
    "mistralrs_step_duration_seconds": ("Time of an engine step, by what was in it.", "step_s"),
    "mistralrs_step_sequences": ("Sequences in an engine step, by what was in it.", "step_sequences"),
}


def engine_families(stats: EngineStats | None) -> Iterable[Metric]:
    """`stats` is None while the worker does not answer: then only that is said."""
    yield GaugeMetricFamily(
        "mistralrs_worker_up", "1 while the model's worker answers.", value=float(stats is not None)
    )
    if stats is None:
        return
    for name, (text, field) in _GAUGES.items():
        yield GaugeMetricFamily(name, text, value=getattr(stats, field))
    for name, (text, field) in _COUNTERS.items():
        yield CounterMetricFamily(name, text, value=getattr(stats, field))
    completed = CounterMetricFamily("mistralrs_sequences_completed", "Sequences that ended.", labels=("reason",))
    for reason in FinishReason:
        completed.add_metric((reason,), stats.completed.get(reason, 0))
    yield completed
    for name, (text, field) in _HISTOGRAMS.items():
        family = HistogramMetricFamily(name, text)
        _add(family, (), getattr(stats, field))
        yield family
    for name, (text, field) in _BY_KIND.items():
        family = HistogramMetricFamily(name, text, labels=("kind",))
        kinds: Mapping[str, Distribution] = getattr(stats, field)
        for kind, distribution in kinds.items():
            _add(family, (kind,), distribution)
        yield family


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], distribution: Distribution) -> None:
    bounds = [*map(floatToGoString, distribution.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(distribution.counts), strict=True))
    family.add_metric(labels, buckets, distribution.total)
