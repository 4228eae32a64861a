"""A decoder with no weights whose every prediction depends on the whole paged context, and its oracle."""

from __future__ import annotations

from math import nan

import torch
from tokenizers import Tokenizer, decoders, models
from torch import Tensor

from engine.adapters.layers import AdapterSites
from engine.attention.base import KVCacheView, LayerCacheSpec, Step
from engine.config import EngineConfig
from engine.engine import Engine
from engine.models.base import BuildConfig
from engine.request import Delta, Request, SamplingParams

VOCAB = 95
EOS = 0


def next_token(context: list[int]) -> int:
    """What the toy predicts after `context`; order matters, and no token repeats a simple pattern."""
    state = 7
    for token in context:
        state = (state * 31 + token + 1) % 10_007
    return 1 + state % (VOCAB - 1)


def continuation(prompt: list[int], count: int, window: int = 10_000) -> list[int]:
    """The oracle: `count` greedy tokens after `prompt`, one by one; each follows from the last `window` tokens."""
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(next_token(tokens[-window:]))
    return tokens[len(prompt) :]


class ToyDecoder:
    """Stores each token id as its key, reads all keys of a sequence back through the block table."""

    cache_layers = (LayerCacheSpec(num_kv_heads=1, head_dim=1),)
    vocab_size = VOCAB
    weight_bytes = 0
    num_parameters = 0
    architecture = "ToyForCausalLM"
    path = "native"
    path_reason = "test"
    quantization = "none"

    window = 10_000
    """How many of the last tokens a prediction follows from."""

    def __init__(self) -> None:
        self.sites = AdapterSites(BuildConfig(torch.float32, torch.float32, torch.device("cpu")))
        self.step_tokens: list[int] = []
        """How many tokens each step computed."""
        self.fail_next = False
        self.poison: int | None = None
        """Whoever's context holds this token gets keys and logits that are not numbers."""

    def forward(self, token_ids: Tensor, step: Step, cache: KVCacheView, wanted: Tensor | None = None) -> Tensor:
        if self.fail_next:
            self.fail_next = False
            raise RuntimeError("out of memory, say")
        self.step_tokens.append(len(token_ids))
        keys = cache.layer(0)[0]
        for token, slot in zip(token_ids.tolist(), step.slots.tolist(), strict=True):
            keys[slot // cache.block_size, 0, slot % cache.block_size, 0] = nan if token == self.poison else token
        hidden: list[float] = []
        for table, query_len, context in zip(step.block_tables, step.query_lens, step.context_lens_host, strict=True):
            stored = keys[table.long(), 0, :, 0].flatten()[:context]
            known = stored.nan_to_num().long().tolist()
            for i in range(context - query_len, context):
                seen = slice(max(0, i + 1 - self.window), i + 1)
                hidden.append(nan if stored[seen].isnan().any() else next_token(known[seen]))
        states = torch.tensor(hidden, dtype=torch.float32)[:, None]
        return states if wanted is None else states[wanted]

    def logits(self, hidden: Tensor) -> Tensor:
        scores = 10.0 * torch.nn.functional.one_hot(hidden[:, 0].nan_to_num().long(), VOCAB).float()
        return scores.masked_fill(hidden.isnan(), nan)


class WindowedDecoder(ToyDecoder):
    """Sees the last 20 tokens only."""

    window = 20
    cache_layers = (LayerCacheSpec(num_kv_heads=1, head_dim=1, sliding_window=20),)


def character(token_id: int) -> str:
    """Tokens 1 to 94 are the printable ASCII characters."""
    return chr(32 + token_id)


def toy_tokenizer() -> Tokenizer:
    vocabulary = {character(i): i for i in range(1, VOCAB)} | {"</s>": EOS}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def toy_engine(decoder: ToyDecoder | None = None, **changes: object) -> Engine:
    settings: dict[str, object] = {
        "device": torch.device("cpu"),
        "cache_dtype": torch.float32,
        "context_tokens": 256,
        "block_size": 8,
        "num_blocks": 64,
        "max_seqs": 8,
        "max_batched_tokens": 32,
        "max_prompt_tokens": None,
        "window": None,
        "prefix_cache": True,
        "recompute": False,
        "max_waiting": 64,
        "seed": 1,
    }
    config = EngineConfig(**(settings | changes))  # pyright: ignore[reportArgumentType]
    return Engine(decoder or ToyDecoder(), toy_tokenizer(), config, (EOS,))


def ask(id: str, prompt: list[int], count: int, **sampling: object) -> Request:
    params = SamplingParams(**({"temperature": 0.0, "max_tokens": count} | sampling))  # pyright: ignore[reportArgumentType]
    return Request(id=id, prompt=tuple(prompt), sampling=params)


def run(engine: Engine) -> dict[tuple[str, int], list[Delta]]:
    """Step until idle; deltas by request and choice."""
    told: dict[tuple[str, int], list[Delta]] = {}
    while engine.has_work:
        for delta in engine.step():
            told.setdefault((delta.request_id, delta.index), []).append(delta)
        engine.blocks.check()
    return told


def ids(deltas: list[Delta]) -> list[int]:
    return [token for delta in deltas for token in delta.token_ids]
