"""llama.cpp through llama-cpp-python's bindings: several sequences in one batch, as its own batched benchmark does it.

What a context holds of the last single prompt is kept where the next one starts with the same tokens.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import llama_cpp as api
import numpy as np
import protocol

BATCH = 2048


class Context:
    """Room for `sequences` sequences of up to `tokens` tokens each; everything else as llama.cpp's defaults."""

    def __init__(self, model: Any, sequences: int, tokens: int, threads: int) -> None:
        params = api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_seq_max = sequences * tokens, BATCH, sequences
        params.n_threads = params.n_threads_batch = threads
        self.handle = api.llama_init_from_model(model, params)
        if not self.handle:
            raise RuntimeError(f"no context of {sequences} x {tokens} tokens")
        self.memory = api.llama_get_memory(self.handle)
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
        self.batch = api.llama_batch_init(BATCH, 0, 1)
        self.known: list[int] = []
        """The prompt of sequence 0 that is in memory."""

    def decode(self, entries: list[tuple[int, int, int, bool]]) -> dict[int, int]:
        """Take (token, position, sequence, whether its logits are wanted); the best next token by sequence."""
        best: dict[int, int] = {}
        for start in range(0, len(entries), BATCH):
            part = entries[start : start + BATCH]
            self.batch.n_tokens = len(part)
            for index, (token, position, sequence, wanted) in enumerate(part):
                self.batch.token[index], self.batch.pos[index], self.batch.n_seq_id[index] = token, position, 1
                self.batch.seq_id[index][0], self.batch.logits[index] = sequence, wanted
            if api.llama_decode(self.handle, self.batch) != 0:
                raise RuntimeError("llama_decode failed")
            for index, (_, _, sequence, wanted) in enumerate(part):
                if wanted:
                    logits = api.llama_get_logits_ith(self.handle, index)
                    best[sequence] = int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())
        return best

    def keep_prefix(self, prompts: list[list[int]]) -> int:
        """Forget all but what a single prompt shares with the last one; how many tokens that is."""
        shared = 0
        if len(prompts) == 1:
            limit = min(len(self.known), len(prompts[0]) - 1)
            shared = next((i for i in range(limit) if self.known[i] != prompts[0][i]), limit)
        if shared:
            api.llama_memory_seq_rm(self.memory, 0, shared, -1)
        else:
            api.llama_memory_clear(self.memory, True)
        self.known = prompts[0] if len(prompts) == 1 else []
        return shared


def load(given: argparse.Namespace) -> protocol.Run:
    api.llama_backend_init()
    model = api.llama_model_load_from_file(str(given.model).encode(), api.llama_model_default_params())
    if not model:
        raise SystemExit(f"llama.cpp cannot load {given.model}")
    contexts: dict[tuple[int, int], Context] = {}

    def run(requests: list[tuple[int, int]], seed: int) -> dict[str, Any]:
        prompt, generated = requests[0]  # all are alike
        room = 1 << (prompt + generated).bit_length()
        key = len(requests), room
        context = contexts.get(key) or contexts.setdefault(key, Context(model, *key, given.threads))
        prompts = protocol.prompts(requests, seed)
        start = time.perf_counter()
        shared = context.keep_prefix(prompts)
        best = context.decode(
            [
                (token, position, sequence, position == prompt - 1)
                for sequence, ids in enumerate(prompts)
                for position, token in enumerate(ids)
                if position >= shared
            ]
        )
        first = time.perf_counter()
        for step in range(generated - 1):
            best = context.decode([(token, prompt + step, sequence, True) for sequence, token in best.items()])
        return protocol.figures_of(requests, start, first, time.perf_counter())

    return run


if __name__ == "__main__":
    protocol.serve(load)
