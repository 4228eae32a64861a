"""Perplexity of SmolLM2 at every quantisation level, ours beside llama.cpp on the same files and the same windows.

    python bench/perplexity.py MODELS --peer-python PEERS/bin/python

The text is Python's language reference, which every Python brings along (`pydoc_data.topics`; Python Software
Foundation License). Windows of 512 tokens without overlap, the second half of each scored, as llama.cpp's own tool
does. The files hold the built-in model's weights, decoded and packed anew by our encoder (`models.py`). "on loading" is
the same level made with `--isq` from the decoded weights as safetensors: embedding and head then get the types that
`--isq` gives them, so only its quality, not its size, compares with the file. Perplexities of two engines on the same
windows differ far less by chance than each of them varies: the error given is that of the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
from math import exp, sqrt
from pathlib import Path
from pydoc_data.topics import topics
from statistics import fmean, stdev

import torch
from models import make
from parity import reference_model

from engine import kernels
from engine.attention.base import Step
from engine.kv_cache import PagedKVCache
from engine.loading.load import load_model
from engine.loading.source import resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from engine.plan import plan_build, plan_engine

HERE = Path(__file__).parent
LEVELS = {
    "Q2_K": "q2k", "Q3_K": "q3k", "Q4_0": "q4_0", "Q4_1": "q4_1", "Q4_K": "q4k", "Q5_0": "q5_0", "Q5_1": "q5_1",
    "Q5_K": "q5k", "Q6_K": "q6k", "Q8_0": "q8_0", "BF16": None,
}  # fmt: skip
"""Type of a file, and the same as an `--isq` level."""
ONLY_ON_LOADING = ("fp8",)
Nats = list[float]
"""Negative log-likelihood of each scored token."""


def windows_of(count: int, length: int) -> list[list[int]]:
    """The first `count` windows of the text, in the model's tokens."""
    text = "\n\n".join(topics[name] for name in sorted(topics))
    ids = load_tokenizer(resolve(ModelOptions(), _silent)).encode(text, add_special_tokens=False).ids
    windows = [ids[start : start + length] for start in range(0, len(ids) - length + 1, length)]
    return windows[:count]


@torch.inference_mode()
def ours(options: ModelOptions, windows: list[list[int]]) -> Nats:
    """What our prefill says of each token of the second halves."""
    source, build = resolve(options, _silent), plan_build(options)
    model = load_model(source, build)
    config = plan_engine(options, source, model, build)
    length = len(windows[0])
    blocks = -(-length // config.block_size)
    cache = PagedKVCache(model.cache_layers, blocks, config.block_size, config.cache_dtype, config.device)
    step = Step(
        positions=torch.arange(length),
        query_starts=torch.tensor([0, length], dtype=torch.int32),
        context_lens=torch.tensor([length], dtype=torch.int32),
        block_tables=torch.arange(blocks, dtype=torch.int32)[None],
        slots=torch.arange(length),
        query_lens=(length,),
        context_lens_host=(length,),
    )
    first = length // 2
    nats: Nats = []
    for ids in map(torch.tensor, windows):
        logits = model.logits(model.forward(ids, step, cache)[first : length - 1].contiguous())
        nats += torch.nn.functional.cross_entropy(logits.double(), ids[first + 1 :], reduction="none").tolist()
    return nats


def llama_cpp(path: Path, windows: list[list[int]], given: argparse.Namespace) -> Nats:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="ascii") as file:
        json.dump(windows, file)
        file.flush()
        script = str(HERE / "contenders" / "llama_windows.py")
        command = [given.peer_python, script, str(path), file.name, str(given.threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"llama.cpp failed on {path}:\n{done.stderr[-1000:]}")
    return [nat for line in done.stdout.splitlines() for nat in json.loads(line)]


def safetensors_folder(folder: Path) -> Path:
    """The built-in model's decoded weights as a folder in Hugging Face's form, made when it is not there yet."""
    path = folder / "S-safetensors"
    if not (path / "tokenizer.json").exists():
        reference_model().save_pretrained(path)
        load_tokenizer(resolve(ModelOptions(), _silent)).save(str(path / "tokenizer.json"))
    return path


def against(nats: Nats, base: Nats) -> str:
    """How much higher the perplexity is than the base's, in percent, with the standard error of that."""
    differences = [a - b for a, b in zip(nats, base, strict=True)]
    error = stdev(differences) / sqrt(len(differences))
    return f"{exp(fmean(differences)) - 1:+.2%} ± {error:.2%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the model files are or are to be made")
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--levels", default=",".join([*LEVELS, *ONLY_ON_LOADING]))
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--dtype", default="auto", choices=("auto", "f32", "bf16"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    kernels.set_threads(given.threads)
    windows = windows_of(given.windows, given.length)
    scored = len(windows) * (given.length - given.length // 2 - 1)
    print(
        f"{len(windows)} windows of {given.length} tokens of Python {platform.python_version()}'s language reference, "
        f"{scored:,} tokens scored; --dtype {given.dtype}, kernels: {kernels.describe()}\n"
    )
    print("| level | llama.cpp | ours | ours against it | on loading | against llama.cpp's file |\n" + "|---" * 6 + "|")
    for level in given.levels.split(","):
        cells = [level]
        isq, base = level, None
        if level in LEVELS:
            isq, path = LEVELS[level], make(given.folder, "S", level)
            base = llama_cpp(path, windows, given)
            file = ours(ModelOptions(model_id=str(path), dtype=given.dtype), windows)
            cells += [f"{exp(fmean(base)):.3f}", f"{exp(fmean(file)):.3f}", against(file, base)]
        else:
            cells += ["–"] * 3
        if isq:
            folder = safetensors_folder(given.folder)
            loaded = ours(ModelOptions(model_id=str(folder), isq=isq, dtype=given.dtype), windows)
            cells += [f"{exp(fmean(loaded)):.3f}", against(loaded, base) if base else "–"]
        else:
            cells += ["–"] * 2
        print(f"| {' | '.join(cells)} |", flush=True)


def _silent(_: str) -> None:
    pass


if __name__ == "__main__":
    main()
