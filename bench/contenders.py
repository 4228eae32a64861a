"""One engine, one model file, one measurement: prints a JSON line. Run by `compare.py`, in a fresh process each time.

Every contender does the same work: a prompt of P random tokens (prefill: until the first new token), then G tokens
greedily (decode: from the first new token to the last), with two threads, after one warm-up. `--concurrency` starts
that many such requests together where the engine can.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from pathlib import Path

VOCAB = 49_000


def ours(model: Path, prompt: int, generated: int, concurrency: int, threads: int, variant: str) -> dict[str, float]:
    from engine.benchmark import Case, measure
    from engine.loading.source import resolve
    from engine.options import ModelOptions
    from engine.plan import build_engine

    options = ModelOptions(model_id=str(model), threads=threads, dtype=variant or "auto", max_model_len=None)
    engine, _ = build_engine(options, resolve(options, _silent), _silent)
    timing = measure(engine, Case(prompt, generated, concurrency), iterations=1, warmup=1).timing
    return {"prefill": timing.prefill_tokens_per_s, "decode": timing.decode_tokens_per_s, "ttft": timing.ttft_s}


def llama_cpp(
    model: Path, prompt: int, generated: int, concurrency: int, threads: int, variant: str
) -> dict[str, float]:
    import llama_cpp
    import numpy as np

    if concurrency > 1:
        return _llama_cpp_batch(model, prompt, generated, concurrency, threads)
    llm = llama_cpp.Llama(
        str(model), n_ctx=prompt + generated + 8, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    logits = llama_cpp.llama_get_logits_ith
    for _ in range(2):
        llm.reset()
        start = time.perf_counter()
        llm.eval(_tokens(prompt))
        token = int(np.ctypeslib.as_array(logits(llm.ctx, -1), (llm.n_vocab(),)).argmax())
        first = time.perf_counter()
        for _ in range(generated - 1):
            llm.eval([token])
            token = int(np.ctypeslib.as_array(logits(llm.ctx, -1), (llm.n_vocab(),)).argmax())
        end = time.perf_counter()
    return _rates(prompt, generated, 1, start, first, end)


def _llama_cpp_batch(model: Path, prompt: int, generated: int, concurrency: int, threads: int) -> dict[str, float]:
    """Several sequences in one `llama_decode` batch, as llama.cpp's own batched benchmark does it."""
    import llama_cpp as api
    import numpy as np

    api.llama_backend_init()
    handle = api.llama_model_load_from_file(str(model).encode(), api.llama_model_default_params())
    params = api.llama_context_default_params()
    params.n_ctx = concurrency * (prompt + generated + 8)
    params.n_batch, params.n_ubatch, params.n_seq_max = 2048, 512, concurrency
    params.n_threads = params.n_threads_batch = threads
    context = api.llama_init_from_model(handle, params)
    vocab = api.llama_vocab_n_tokens(api.llama_model_get_vocab(handle))
    batch = api.llama_batch_init(2048, 0, 1)

    def decode(entries: list[tuple[int, int, int, bool]]) -> None:
        batch.n_tokens = len(entries)
        for i, (token, position, sequence, wanted) in enumerate(entries):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
            batch.seq_id[i][0], batch.logits[i] = sequence, wanted
        assert api.llama_decode(context, batch) == 0

    def best(i: int) -> int:
        return int(np.ctypeslib.as_array(api.llama_get_logits_ith(context, i), (vocab,)).argmax())

    for _ in range(2):
        api.llama_memory_clear(api.llama_get_memory(context), True)
        start = time.perf_counter()
        tokens = []
        for sequence in range(concurrency):
            ids = _tokens(prompt)
            decode([(t, p, sequence, p == prompt - 1) for p, t in enumerate(ids)])
            tokens.append(best(prompt - 1))
        first = time.perf_counter()
        for step in range(generated - 1):
            decode([(t, prompt + step, s, True) for s, t in enumerate(tokens)])
            tokens = [best(s) for s in range(concurrency)]
        end = time.perf_counter()
    return _rates(prompt, generated, concurrency, start, first, end)


def mistralrs(
    model: Path, prompt: int, generated: int, concurrency: int, threads: int, variant: str
) -> dict[str, float]:
    import mistralrs as reference

    runner = reference.Runner(
        which=reference.Which.GGUF(quantized_model_id=str(model.parent), quantized_filename=model.name),
        prefix_cache_n=0,
    )
    words = ["tree", "stone", "river", "light", "cloud", "green", "seven", "north"]

    def ask(count: int) -> tuple[float, int, int]:
        text = " ".join(random.choice(words) for _ in range(prompt))
        request = reference.CompletionRequest(prompt=text, model="default", max_tokens=count, temperature=0.0)
        start = time.perf_counter()
        usage = runner.send_completion_request(request).usage
        return time.perf_counter() - start, usage.prompt_tokens, usage.completion_tokens

    if concurrency > 1:
        return {}  # fails when two prompts arrive together (non-contiguous input)
    ask(4)
    prefill, prompt_tokens, _ = ask(1)
    whole, _, made = ask(generated)
    return {"prefill": prompt_tokens / prefill, "decode": (made - 1) / (whole - prefill), "ttft": prefill}


def transformers(
    model: Path, prompt: int, generated: int, concurrency: int, threads: int, variant: str
) -> dict[str, float]:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from engine.loading.source import resolve
    from engine.options import ModelOptions

    torch.set_num_threads(threads)
    config = dict(resolve(ModelOptions(model_id=str(model)), _silent).config)
    llm = AutoModelForCausalLM.from_config(  # random weights: only their shapes matter for speed
        AutoConfig.for_model(config.pop("model_type"), **config),
        dtype=torch.float32 if variant == "f32" else torch.bfloat16,
    ).eval()
    with torch.inference_mode():
        for _ in range(2):
            ids = torch.tensor([_tokens(prompt) for _ in range(concurrency)])
            start = time.perf_counter()
            out = llm(ids, use_cache=True, logits_to_keep=1)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            first = time.perf_counter()
            for _ in range(generated - 1):
                out = llm(token, past_key_values=out.past_key_values, use_cache=True)
                token = out.logits[:, -1].argmax(-1, keepdim=True)
            end = time.perf_counter()
    return _rates(prompt, generated, concurrency, start, first, end)


def _rates(prompt: int, generated: int, concurrency: int, start: float, first: float, end: float) -> dict[str, float]:
    return {
        "prefill": concurrency * prompt / (first - start),
        "decode": concurrency * (generated - 1) / (end - first),
        "ttft": first - start,
    }


def _tokens(count: int) -> list[int]:
    return [random.randrange(100, VOCAB) for _ in range(count)]


def _silent(_: str) -> None:
    pass


CONTENDERS = {"ours": ours, "llama.cpp": llama_cpp, "mistral.rs": mistralrs, "transformers": transformers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generated", type=int, default=128)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variant", default="", help="ours: a --dtype; transformers: bf16 or f32")
    given = parser.parse_args()
    run = CONTENDERS[given.contender]
    result = run(given.model, given.prompt, given.generated, given.concurrency, given.threads, given.variant)
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
