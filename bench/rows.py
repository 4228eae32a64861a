"""What is compared: one row for each kind of work, with the models it is done with, by whom, and what is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Literal

Requests = list[tuple[int, int]]
"""(prompt tokens, tokens to generate) of requests that start together."""
Figure = Literal["decode", "prefill", "first_s", "throughput", "start_s", "extra_mib"]
"""Tokens a second after the first ones; prompt tokens a second; seconds; generated tokens a second of the whole time;
seconds since the process was started; memory beside weights and KV."""


@dataclass(frozen=True)
class Way:
    """One way of doing the work of a row."""

    requests: Requests
    by: Literal["contender", "new process", "server"] = "contender"
    again: bool = False
    """The same prompt as the way before in this round, where others get a new one."""
    neighbour: bool = False
    """With a foreign thread that is always busy."""
    keep: bool = False
    """The same prompt in every round, so that a long context is computed once."""


@dataclass(frozen=True)
class Row:
    title: str
    models: tuple[str, ...]
    """Patterns of model names."""
    contenders: tuple[str, ...]
    """`transformers` takes part where weights are bfloat16."""
    figure: Figure
    ways: Mapping[str, Way]
    """One way, or two: then the row's value is the figure of the second divided by that of the first."""
    target: str
    """In words; `at_least` and `at_most` say it in numbers."""
    at_least: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    """By part of the model's name, then by peer: how many times its figure ours should be."""
    value_at_least: float | None = None
    value_at_most: float | None = None
    repetitions: int = 5

    def takes(self, model: str) -> bool:
        return any(fnmatch(model, pattern) for pattern in self.models)


ALL = ("Q-*", "S-*")
PEERS = ("llama.cpp", "mistral.rs", "transformers")
EVERYONE = ("ours", *PEERS)
_TWICE = {"": {"llama.cpp": 2.0}}
_MIXED: Requests = [
    (prompt, generated) for prompt, generated in zip((32, 64, 128, 256) * 8, (16, 96, 32, 64, 128) * 7, strict=False)
]

ROWS = {
    "decode": Row(
        "decode, 1 sequence, tokens/s",
        ALL,
        EVERYONE,
        "decode",
        {"": Way([(128, 128)])},
        "Q4: 1.4 × llama.cpp, 2.2 × mistral.rs; Q8: 1.4 × both; BF16: 1.15 × llama.cpp, 3 × transformers",
        {
            "Q4": {"llama.cpp": 1.4, "mistral.rs": 2.2},
            "Q8": {"llama.cpp": 1.4, "mistral.rs": 1.4},
            "BF16": {"llama.cpp": 1.15, "transformers": 3.0},
        },
    ),
    "together": Row(
        "decode, 8 sequences, tokens/s",
        ALL,
        EVERYONE,
        "decode",
        {"": Way([(64, 64)] * 8)},
        "1.8 (Q4), 2.5 (Q8), 1.3 (BF16) × llama.cpp",
        {"Q4": {"llama.cpp": 1.8}, "Q8": {"llama.cpp": 2.5}, "BF16": {"llama.cpp": 1.3}},
    ),
    "prefill-512": Row(
        "prefill 512, tokens/s", ALL, EVERYONE, "prefill", {"": Way([(512, 1)])}, "2 × llama.cpp", _TWICE
    ),
    "prefill-2048": Row(
        "prefill 2048, tokens/s",
        ALL,
        EVERYONE,
        "prefill",
        {"": Way([(2048, 1)])},
        "2 × llama.cpp",
        _TWICE,
        repetitions=3,
    ),
    "prefix": Row(
        "prefill 2048 again ÷ the first time",
        ("*-Q4_0",),
        ("ours", "llama.cpp"),
        "first_s",
        {"first": Way([(2048, 1)]), "again": Way([(2048, 1)], again=True)},
        "at most 0.05",
        value_at_most=0.05,
        repetitions=3,
    ),
    "context": Row(
        "decode at 4,096 tokens of context ÷ at 128",
        ("*-Q4_0", "*-Q8_0"),
        ("ours", "llama.cpp"),
        "decode",
        {"128": Way([(128, 64)], keep=True), "4096": Way([(4096, 64)], keep=True)},
        "at least 0.85",
        value_at_least=0.85,
    ),
    "start": Row(
        "process start to first token, s",
        ("S-Q4_0",),
        ("ours", "llama.cpp", "mistral.rs"),
        "start_s",
        {"": Way([(16, 1)], by="new process")},
        "at most 4",
        value_at_most=4.0,
    ),
    "memory": Row(
        "peak RSS of all processes serving 8 × 2,048, less weights and KV, MiB",
        ("*-Q4_0",),
        ("ours",),
        "extra_mib",
        {"": Way([(2048, 16)] * 8, by="server")},
        "at most 600",
        value_at_most=600.0,
        repetitions=1,
    ),
    "http": Row(
        "32 mixed requests at once: through HTTP ÷ the engine alone",
        ("*-Q4_0",),
        ("ours",),
        "throughput",
        {"engine": Way(_MIXED), "http": Way(_MIXED, by="server")},
        "at least 0.85",
        value_at_least=0.85,
        repetitions=3,
    ),
    "fallback": Row(
        "decode without the native library, tokens/s",
        ("*-Q4_K",),
        ("ours:torch", "mistral.rs"),
        "decode",
        {"": Way([(128, 64)])},
        "0.8 × mistral.rs",
        {"": {"mistral.rs": 0.8}},
    ),
    "neighbour": Row(
        "decode beside a busy thread ÷ quiet",
        ("*-Q4_0",),
        ("ours", "llama.cpp", "mistral.rs"),
        "decode",
        {"quiet": Way([(128, 64)]), "busy": Way([(128, 64)], neighbour=True)},
        "at least 0.45",
        value_at_least=0.45,
    ),
}
