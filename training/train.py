"""Trains the adapter: `python -m training.train EXAMPLES FOLDER`. Stops and goes on at any step; see README.md."""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file
from torch import distributed, nn

from training.base_model import frozen_base, with_adapter
from training.forward import Forward
from training.packing import Example, Row, rows

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of mallopt(3)."""
ALIKE = 12
"""Of so many steps the rows are sorted by length."""
BETAS, WEIGHT_DECAY, CLIP = (0.9, 0.98), 0.01, 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run does; a resumed run may have another."""

    steps: int
    """Where the run ends."""
    rate: float
    warmup: int
    decay: int
    """The last this many steps bring the rate down to a twentieth; 0: it stays, for a run that goes on later."""
    rows_a_step: int
    row_tokens: int

    def rate_at(self, step: int) -> float:
        rising = min(1.0, (step + 1) / self.warmup)
        falling = min(1.0, (self.steps - step) / self.decay) if self.decay else 1.0
        return self.rate * rising * max(0.05, falling)


class Trainer:
    """The adapter in training: its matrices in bf16 as they are served, and a copy in f32 that learns."""

    def __init__(self, model: PeftModel) -> None:
        self.model = model
        self.step = 0
        started = distributed.is_initialized()
        self._rank = distributed.get_rank() if started else 0
        self._processes = distributed.get_world_size() if started else 1
        self._forward = Forward(model)
        self._served = [p for p in model.parameters() if p.requires_grad]
        self._learning = [nn.Parameter(p.detach().float()) for p in self._served]
        self._optimizer = torch.optim.AdamW(self._learning, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)

    def learn(self, batch: list[Row], rate: float) -> float:
        """One step; returns the mean loss of a token. Of several processes each takes its share of the batch."""
        learned = sum(b - a for row in batch for example in row.examples for a, b in example.spans)
        total = 0.0
        for row in shares(batch, self._processes)[self._rank]:
            loss = self._forward.loss(row) / learned
            loss.backward()
            total += loss.item()
        for learning, served in zip(self._learning, self._served, strict=True):
            learning.grad = served.grad.float()
            served.grad = None
        total = self._together(total)
        nn.utils.clip_grad_norm_(self._learning, CLIP)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._serve()
        self.step += 1
        return total

    def save(self, folder: Path) -> None:
        """The adapter as `peft` saves it, and all that is needed to go on; a run that is killed leaves the last one whole."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(str(folder / "adapter"))
        state = {"step": self.step, "learning": self._learning, "optimizer": self._optimizer.state_dict()}
        torch.save(state, folder / "state.new")
        os.replace(folder / "state.new", folder / "state.pt")

    def begin_from(self, adapter: Path) -> None:
        """Take over the matrices of an adapter."""
        set_peft_model_state_dict(self.model, load_file(adapter / "adapter_model.safetensors"))
        for learning, served in zip(self._learning, self._served, strict=True):
            learning.data.copy_(served.data)

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(folder / "state.pt", weights_only=True)
        for learning, saved in zip(self._learning, state["learning"], strict=True):
            learning.data.copy_(saved)
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self._serve()

    def _together(self, total: float) -> float:
        """Sum the gradients, and the loss, of all processes."""
        if self._processes == 1:
            return total
        parts = [parameter.grad.view(-1) for parameter in self._learning if parameter.grad is not None]
        summed = torch.cat([*parts, torch.tensor([total])])
        distributed.all_reduce(summed)
        for parameter, part in zip(self._learning, summed[:-1].split([len(part) for part in parts]), strict=True):
            parameter.grad = part.view_as(parameter)
        return float(summed[-1])

    def _serve(self) -> None:
        for learning, served in zip(self._learning, self._served, strict=True):
            served.data.copy_(learning.data)


def shares(batch: list[Row], processes: int) -> list[list[Row]]:
    """The batch in parts of about as many tokens, so that no process waits for long: largest first, where least is."""
    parts: list[list[Row]] = [[] for _ in range(processes)]
    for row in sorted(batch, key=lambda row: -row.tokens):
        min(parts, key=lambda part: sum(one.tokens for one in part)).append(row)
    return parts


def batches(examples: list[Example], recipe: Recipe, first_step: int) -> Iterator[list[Row]]:
    """Without end, each pass in another order; a resumed run begins a pass of its own.

    Rows of about one length come together, so that no process waits for another.
    """
    seed = first_step
    while True:
        seed += 1
        made = rows(examples, recipe.row_tokens, seed)
        window = ALIKE * recipe.rows_a_step
        for start in range(0, len(made) - recipe.rows_a_step + 1, window):
            near = sorted(made[start : start + window], key=lambda row: row.tokens)
            steps = [near[at : at + recipe.rows_a_step] for at in range(0, len(near), recipe.rows_a_step)]
            random.Random(seed).shuffle(steps)
            yield from (step for step in steps if len(step) == recipe.rows_a_step)


def read_examples(file: Path) -> list[Example]:
    """What `training.generate` wrote."""
    with file.open(encoding="utf-8") as lines:
        read = map(json.loads, lines)
        return [
            Example(
                tuple(e["prefix"]),
                tuple(e["ids"]),
                tuple((a, b) for a, b in e["spans"]),
                tuple(map(tuple, e["alone"])),
                e["family"],
            )
            for e in read
        ]


def train(trainer: Trainer, examples: list[Example], recipe: Recipe, folder: Path | None, save_every: int) -> None:
    """Train up to the recipe's last step; with a `folder`, save on the way and tell how it goes."""
    began, tokens, smooth, first = time.monotonic(), 0, math.nan, trainer.step
    for batch in batches(examples, recipe, trainer.step):
        if trainer.step >= recipe.steps:
            break
        loss = trainer.learn(batch, recipe.rate_at(trainer.step))
        tokens += sum(row.tokens for row in batch)
        smooth = loss if math.isnan(smooth) else 0.95 * smooth + 0.05 * loss
        if folder is None:
            continue
        if trainer.step % save_every == 0:
            trainer.save(folder)
        _show(trainer.step, recipe.steps, smooth, tokens / (time.monotonic() - began), began, first)
    if folder is not None:
        trainer.save(folder)


def _show(step: int, steps: int, loss: float, rate: float, began: float, first: int) -> None:
    """A bar on a terminal, now and then a line elsewhere."""
    left = (time.monotonic() - began) / max(1, step - first) * (steps - step)
    done = f"{step}/{steps}  loss {loss:.4f}  {rate:.0f} tokens/s  {left / 60:.0f} min left"
    if sys.stderr.isatty():
        bar = "█" * (30 * step // steps)
        print(f"\r{bar:<30} {done} ", end="\n" if step >= steps else "", file=sys.stderr, flush=True)
    elif step % 10 == 0 or step >= steps:
        print(done, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", type=Path, help="what training.generate wrote")
    parser.add_argument("folder", type=Path, help="where the adapter and the state are kept; goes on from there")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--warmup", type=int, default=30)
    parser.add_argument("--decay", type=int, default=0, help="steps at the end in which the rate falls")
    parser.add_argument("--rows-a-step", type=int, default=4)
    parser.add_argument("--row-tokens", type=int, default=1536)
    parser.add_argument("--processes", type=int, default=2, help="one thread each, which a busy machine slows least")
    parser.add_argument("--process", type=int, default=0, help="which of them this is; the first starts the others")
    parser.add_argument("--port", type=int, default=0, help="where they meet; a free one when 0")
    parser.add_argument("--save-every", type=int, default=50)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--start", type=Path, help="an adapter as `peft` saves it to begin a new run from")
    chosen = parser.parse_args()
    port = chosen.port or _free_port()
    others = [
        subprocess.Popen([sys.executable, "-m", "training.train", *sys.argv[1:], f"--process={n}", f"--port={port}"])
        for n in range(1, chosen.processes if chosen.process == 0 else 0)
    ]
    try:
        _run(chosen, port)
    finally:
        for other in others:
            other.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _keep_memory() -> None:
    """Freed memory stays with the process: from the kernel it would come back page by page, and zeroed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _run(chosen: argparse.Namespace, port: int) -> None:
    """What each process does; the first saves and tells."""
    _keep_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # gradients of the head are full of them, each a hundred times as slow
    if chosen.processes > 1:
        address = f"tcp://127.0.0.1:{port}"
        distributed.init_process_group("gloo", address, rank=chosen.process, world_size=chosen.processes)
    trainer = Trainer(with_adapter(frozen_base(), rank=chosen.rank))
    if (chosen.folder / "state.pt").is_file():
        trainer.load(chosen.folder)
    elif chosen.start is not None:
        trainer.begin_from(chosen.start)
    recipe = Recipe(chosen.steps, chosen.rate, chosen.warmup, chosen.decay, chosen.rows_a_step, chosen.row_tokens)
    folder = chosen.folder if chosen.process == 0 else None
    train(trainer, read_examples(chosen.examples), recipe, folder, chosen.save_every)


if __name__ == "__main__":
    main()
