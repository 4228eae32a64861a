"""`transformers` with the model's shape, random weights (speed does not depend on them) in bfloat16, eager."""

from __future__ import annotations

import argparse
import time
from typing import Any

import protocol
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from engine.loading.source import resolve
from engine.options import ModelOptions


@torch.inference_mode()
def load(given: argparse.Namespace) -> protocol.Run:
    torch.set_num_threads(given.threads)
    config = dict(resolve(ModelOptions(model_id=str(given.model)), lambda _: None).config)
    shape = AutoConfig.for_model(config.pop("model_type"), **config)
    model = AutoModelForCausalLM.from_config(shape, dtype=torch.bfloat16).eval()

    @torch.inference_mode()
    def run(requests: list[tuple[int, int]], seed: int) -> dict[str, Any]:
        ids = torch.tensor(protocol.prompts(requests, seed))
        start = time.perf_counter()
        out = model(ids, use_cache=True, logits_to_keep=1)
        token = out.logits[:, -1].argmax(-1, keepdim=True)
        first = time.perf_counter()
        for _ in range(requests[0][1] - 1):
            out = model(token, past_key_values=out.past_key_values, use_cache=True)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
        return protocol.figures_of(requests, start, first, time.perf_counter())

    return run


if __name__ == "__main__":
    protocol.serve(load)
