"""Paged attention against a dense one, in double precision, sequence by sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from engine import kernels
from engine.attention import paged
from engine.attention.base import Step
from engine.attention.paged import paged_attention
from engine.kernels import torch_ops
from engine.kernels.library import AttentionArguments

BLOCK_SIZE = 16
BFLOAT = 1
"""`engine::Precision` of products in bfloat."""


@dataclass
class Batch:
    """Sequences with a history in the cache and new tokens to attend from."""

    step: Step
    cache: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    histories: list[torch.Tensor]
    """Per sequence (2, context, KV, D): every key and value it may see, the new ones included."""


def make_batch(
    lengths: list[tuple[int, int]],
    *,
    heads: int = 6,
    kv_heads: int = 2,
    head_dim: int = 32,
    cache_dtype: torch.dtype = torch.float32,
    dtype: torch.dtype = torch.float32,
    block_size: int = BLOCK_SIZE,
) -> Batch:
    """`lengths`: (new tokens, context after the step) a sequence; blocks are scattered over the cache."""
    torch.manual_seed(len(lengths) + head_dim)
    blocks_of = [-(-context // block_size) for _, context in lengths]
    order = torch.randperm(sum(blocks_of) + 3) + 1  # block 0 stays unused, like padding of the tables
    cache = torch.full((2, len(order) + 1, kv_heads, block_size, head_dim), torch.nan).to(cache_dtype)
    tables = torch.zeros(len(lengths), max(blocks_of), dtype=torch.int32)
    positions, slots, queries, keys, values, histories = [], [], [], [], [], []
    taken = 0
    for index, (new, context) in enumerate(lengths):
        table = order[taken : taken + blocks_of[index]]
        taken += blocks_of[index]
        tables[index, : len(table)] = table
        history = torch.randn(2, context, kv_heads, head_dim).to(dtype).to(cache_dtype)
        flat = table.repeat_interleave(block_size)[:context] * block_size + torch.arange(context) % block_size
        old = flat[: context - new]
        cache[:, old // block_size, :, old % block_size] = history[:, : context - new].transpose(0, 1)
        positions.append(torch.arange(context - new, context))
        slots.append(flat[context - new :])
        keys.append(history[0, context - new :].to(dtype))
        values.append(history[1, context - new :].to(dtype))
        queries.append(torch.randn(new, heads, head_dim).to(dtype))
        histories.append(history)
    query_lens = tuple(new for new, _ in lengths)
    contexts = tuple(context for _, context in lengths)
    step = Step(
        positions=torch.cat(positions),
        query_starts=torch.tensor([0, *query_lens]).cumsum(0).int(),
        context_lens=torch.tensor(contexts, dtype=torch.int32),
        block_tables=tables,
        slots=torch.cat(slots),
        query_lens=query_lens,
        context_lens_host=contexts,
    )
    return Batch(step, cache, torch.cat(queries), torch.cat(keys), torch.cat(values), histories)


def dense(
    batch: Batch,
    scale: float,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: torch.Tensor | None = None,
) -> torch.Tensor:
    out, start = torch.empty(batch.query.shape, dtype=torch.float64), 0
    heads, group = batch.query.shape[1], batch.query.shape[1] // batch.key.shape[1]
    for new, history in zip(batch.step.query_lens, batch.histories, strict=True):
        context = history.shape[1]
        for row in range(new):
            position = context - new + row
            first = 0 if window is None else max(0, position - window + 1)
            for head in range(heads):
                keys, values = history[:, first : position + 1, head // group].double()
                scores = keys @ batch.query[start + row, head].double() * scale
                if soft_cap is not None:
                    scores = soft_cap * torch.tanh(scores / soft_cap)
                if sinks is not None:
                    weights = torch.cat([scores, sinks[head : head + 1].double()]).softmax(0)[:-1]
                else:
                    weights = scores.softmax(0)
                out[start + row, head] = weights @ values
        start += new
    return out


def check(batch: Batch, tolerance: float = 5e-6, **options: object) -> None:
    scale = batch.query.shape[-1] ** -0.5
    out = paged_attention(
        batch.query,
        batch.key,
        batch.value,
        batch.cache,
        batch.step,
        scale=scale,
        sliding_window=options.get("window"),  # pyright: ignore[reportArgumentType]
        soft_cap=options.get("soft_cap"),  # pyright: ignore[reportArgumentType]
        sinks=options.get("sinks"),  # pyright: ignore[reportArgumentType]
    )
    assert out.shape == batch.query.shape
    assert out.dtype == batch.query.dtype
    reference = dense(batch, scale, **options)  # pyright: ignore[reportArgumentType]
    error = (out.double() - reference).abs().max()
    assert error < tolerance * max(1.0, float(reference.abs().max())), error


MIXES = {
    "one decode": [(1, 40)],
    "first token": [(1, 1)],
    "whole prompt": [(37, 37)],
    "chunk in the middle": [(20, 53)],
    "prefix reused": [(5, 5 + 3 * BLOCK_SIZE)],
    "decodes of different lengths": [(1, 3), (1, 100), (1, 17), (1, 16), (1, 33)],
    "everything mixed": [(1, 70), (33, 33), (1, 2), (18, 90), (2, 31)],
}


@pytest.mark.parametrize("lengths", MIXES.values(), ids=MIXES.keys())
@pytest.mark.parametrize("options", [{}, {"window": 7}, {"window": 24}, {"soft_cap": 1.5}], ids=str)
def test_equal_to_dense_attention(lengths: list[tuple[int, int]], options: dict[str, Any]) -> None:
    check(make_batch(lengths), **options)


@pytest.mark.parametrize("bound", [0, 150, 1 << 17])
@pytest.mark.parametrize(
    "options", [{}, {"window": 7}, {"soft_cap": 1.5}, {"sinks": torch.linspace(-1, 3, 6)}], ids=str
)
def test_decodes_attend_together_where_a_device_asks_for_it(
    options: dict[str, Any], bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(paged.GATHERED_TOKENS, "cpu", bound)
    check(make_batch(MIXES["decodes of different lengths"]), **options)
    check(make_batch([(1, 70), (1, 2), (33, 33), (1, 20), (1, 90)]), **options)


@pytest.mark.parametrize("lengths", [MIXES["one decode"], MIXES["everything mixed"]])
def test_sinks_take_their_share_of_the_weights(lengths: list[tuple[int, int]]) -> None:
    check(make_batch(lengths), sinks=torch.linspace(-1, 3, 6))
    check(make_batch(lengths), sinks=torch.linspace(-1, 3, 6), window=9, soft_cap=2.0)


@pytest.mark.parametrize(
    ("heads", "kv_heads", "head_dim"), [(9, 3, 64), (4, 4, 16), (8, 1, 40), (2, 2, 128), (3, 1, 80)]
)
def test_head_shapes(heads: int, kv_heads: int, head_dim: int) -> None:
    check(make_batch(MIXES["everything mixed"], heads=heads, kv_heads=kv_heads, head_dim=head_dim))


@pytest.mark.parametrize("cache_dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn])
@pytest.mark.parametrize("lengths", [MIXES["one decode"], MIXES["everything mixed"]])
@pytest.mark.parametrize("head_dim", [32, 40])
def test_cache_of_another_dtype_than_the_query(
    lengths: list[tuple[int, int]], head_dim: int, cache_dtype: torch.dtype
) -> None:
    check(make_batch(lengths, head_dim=head_dim, cache_dtype=cache_dtype))


@pytest.mark.parametrize("options", [{}, {"window": 24}, {"soft_cap": 1.5}], ids=str)
@pytest.mark.parametrize("head_dim", [64, 80])
def test_products_in_bfloat_err_by_the_rounding_of_queries_and_weights_only(
    options: dict[str, Any],
    head_dim: int,
    implementation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = torch_ops.attention_arguments

    def in_bfloat(*arguments: Any) -> AttentionArguments:
        changed = exact(*arguments)
        changed.precision = BFLOAT
        return changed

    monkeypatch.setattr(torch_ops, "attention_arguments", in_bfloat)
    batch = make_batch([(70, 133), (1, 300), (3, 40), (33, 33)], head_dim=head_dim, cache_dtype=torch.bfloat16)
    check(batch, tolerance=1e-2, **options)
    if implementation == "avx512" and kernels.has_bfloat_products():
        with pytest.raises(AssertionError):  # were they floats, they would be closer
            check(batch, **options)


def test_a_cache_of_eight_bits_rounds_to_the_nearest_code_and_stops_at_the_largest() -> None:
    numbers = torch.cat([torch.randn(200) * 10.0**power for power in range(-5, 4)])
    halfway = torch.tensor([17.0, 19.0, 2.0**-10, 3 * 2.0**-10, 2.0**-7 - 2.0**-11, 448.0, 463.0, 465.0, 1e9, 0.0])
    numbers = torch.cat([numbers, halfway, -halfway])
    numbers = numbers[: len(numbers) // 20 * 20].view(-1, 1, 20)
    batch = make_batch(
        [(len(numbers), len(numbers))], heads=1, kv_heads=1, head_dim=20, cache_dtype=torch.float8_e4m3fn
    )
    paged_attention(batch.query, numbers, numbers, batch.cache, batch.step, scale=0.0)
    stored = batch.cache[:, batch.step.slots // BLOCK_SIZE, :, batch.step.slots % BLOCK_SIZE]
    expected = numbers.clamp(-448, 448).to(torch.float8_e4m3fn)
    for which in range(2):
        assert torch.equal(stored[:, which].float(), expected.float())


def test_half_precision_queries() -> None:
    check(make_batch(MIXES["everything mixed"], cache_dtype=torch.bfloat16, dtype=torch.bfloat16), tolerance=2e-2)


@pytest.mark.parametrize("block_size", [8, 32, 128])
def test_block_sizes(block_size: int) -> None:
    check(make_batch(MIXES["everything mixed"], block_size=block_size))


def test_long_contexts() -> None:
    check(make_batch([(1, 2500), (300, 1300)], heads=2, kv_heads=1, head_dim=16))


@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.bfloat16])
def test_long_contexts_of_many_heads(cache_dtype: torch.dtype) -> None:
    batch = make_batch([(1, 700), (1, 1300), (1, 90)], heads=10, kv_heads=5, head_dim=64, cache_dtype=cache_dtype)
    check(batch)
    check(batch, window=400)


@pytest.mark.parametrize("head_dim", [8, 24, 48])
def test_many_heads_of_any_size(head_dim: int) -> None:
    check(make_batch(MIXES["decodes of different lengths"], heads=8, kv_heads=8, head_dim=head_dim))


def test_query_keys_and_values_may_be_slices_of_one_projection() -> None:
    batch = make_batch(MIXES["everything mixed"])
    tokens = batch.query.shape[0]
    fused = torch.cat([x.reshape(tokens, -1) for x in (batch.query, batch.key, batch.value)], -1)
    query, key, value = fused.split([6 * 32, 2 * 32, 2 * 32], -1)
    batch.query, batch.key, batch.value = query.view(tokens, 6, 32), key.view(tokens, 2, 32), value.view(tokens, 2, 32)
    check(batch)


def test_other_blocks_of_the_cache_are_left_alone() -> None:
    batch = make_batch([(1, 20)])
    used = batch.step.block_tables.unique()
    before = batch.cache.clone()
    check(batch)
    untouched = [block for block in range(batch.cache.shape[1]) if block not in used]
    assert torch.equal(batch.cache[:, untouched].isnan(), before[:, untouched].isnan())
    assert before[:, untouched].isnan().all()
