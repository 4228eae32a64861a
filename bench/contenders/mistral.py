"""mistral.rs through its Python package, which takes text: prompts are random words of one token each.

Its own count of seconds is taken for one request. Several at once go in as streams, the only way its runner lets more
than one in, and are timed from outside, once with one token each and once with all.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from typing import Any

import protocol

WORDS = ("tree", "stone", "river", "light", "cloud", "green", "seven", "north")


def load(given: argparse.Namespace) -> protocol.Run:
    os.environ["RAYON_NUM_THREADS"] = str(given.threads)
    import mistralrs

    which = mistralrs.Which.GGUF(quantized_model_id=str(given.model.parent), quantized_filename=given.model.name)
    runner = mistralrs.Runner(which=which)

    def one(prompt: str, generated: int) -> dict[str, Any]:
        usage = runner.send_completion_request(
            mistralrs.CompletionRequest(
                prompt=prompt, model="default", max_tokens=generated, temperature=0.0, ignore_eos=True
            )
        ).usage
        return {
            "prompt_tokens": usage.prompt_tokens,
            "first_s": usage.total_prompt_time_sec,
            "decoded": usage.completion_tokens - 1,
            "decode_s": usage.total_completion_time_sec,
        }

    def together(texts: list[str], generated: int) -> tuple[float, int, int]:
        """Seconds for all of them, their prompt tokens and generated tokens."""
        start = time.perf_counter()
        streams = [
            runner.send_chat_completion_request(
                mistralrs.ChatCompletionRequest(
                    messages=[{"role": "user", "content": text}],
                    model="default",
                    max_tokens=generated,
                    temperature=0.0,
                    stream=True,
                )
            )
            for text in texts
        ]
        usages = [list(stream)[-1].usage for stream in streams]
        seconds = time.perf_counter() - start
        return seconds, sum(u.prompt_tokens for u in usages), sum(u.completion_tokens for u in usages)

    def run(requests: list[tuple[int, int]], seed: int) -> dict[str, Any]:
        generator = random.Random(seed)
        texts = [" ".join(generator.choice(WORDS) for _ in range(prompt)) for prompt, _ in requests]
        generated = requests[0][1]
        if len(texts) == 1:
            return one(texts[0], generated)
        first_s, _, _ = together([f"{text} first" for text in texts], 1)
        whole_s, prompt_tokens, made = together(texts, generated)
        return {
            "prompt_tokens": prompt_tokens,
            "first_s": first_s,
            "decoded": made - len(texts),
            "decode_s": whole_s - first_s,
        }

    return run


if __name__ == "__main__":
    protocol.serve(load)
