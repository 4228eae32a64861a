"""The comparison with other engines: real processes measured with a tiny model, and what its table makes of figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gguf import GGMLQuantizationType as Type
from transformers import LlamaConfig, LlamaForCausalLM

from tests.engine.loading.gguf_files import write_model

BENCH = Path(__file__).parents[2] / "bench"


def compare(*arguments: str) -> str:
    command = [sys.executable, str(BENCH / "compare.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_row_is_measured_in_processes_that_take_turns(tmp_path: Path):
    config = LlamaConfig(
        vocab_size=49_000, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=512, tie_word_embeddings=True,
    )  # fmt: skip
    write_model(LlamaForCausalLM(config), "llama", tmp_path / "S-Q8_0.gguf", (Type.Q8_0,))
    only = ("--contenders", "ours,llama.cpp", "--repetitions", "1", "--threads", "1")
    out = compare(str(tmp_path), "--rows", "decode", *only, "--peer-python", sys.executable, "--results", str(tmp_path))
    [results] = tmp_path.glob("*.jsonl")
    start, *records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    assert start["cores"] > 0
    ours, theirs, memory = ([r for r in records if r["contender"] == name] for name in ("ours", "llama.cpp", "memory"))
    assert ours[0]["decoded"] == 127 and ours[0]["prompt_tokens"] == 128
    # embedding and layer, 34 bytes for 32 weights; float32 norms; 192 positions of 16 keys and values in 16 bits
    read = (49_000 * 32 + 2 * 1024 + 2 * 512 + 3 * 1024) * 34 // 32 + 3 * 32 * 4 + 192 * 2 * 16 * 2
    assert ours[0]["read_bytes_per_s"] == pytest.approx(read * ours[0]["value"])
    assert "No module named 'llama_cpp'" in theirs[0]["error"]
    assert memory[0]["bytes_per_s"] > 1e8
    assert "fails: it ended: ModuleNotFoundError" in out


def record(contender: str, number: int, value: float, row: str = "decode", way: str = "", **more: Any) -> str:
    same = {"run": "r", "row": row, "model": "Q-Q4_0", "contender": contender, "way": way, "round": number}
    return json.dumps({**same, "value": value, **more})


def test_medians_are_compared_without_the_warming_round(tmp_path: Path):
    lines = [record("ours", n, v, read_bytes_per_s=v * 1e8) for n, v in enumerate((1.0, 300.0, 200.0, 210.0))]
    lines += [record("llama.cpp", n, v) for n, v in enumerate((999.0, 100.0, 100.0, 100.0))]
    lines += [record("memory", n, 0, bytes_per_s=42e9) for n in range(4)]
    lines += [record("mistral.rs", 0, 50.0)]  # was too slow for more
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    cells = [cell.strip() for cell in compare("--table", str(tmp_path / "a.jsonl")).splitlines()[2].split("|")]
    assert cells[3:7] == ["210 ± 24%", "100 ± 0% (2.10 ×)", "50.0 (4.20 ×)", "–"]
    assert cells[7] == "50% of 42 GB/s"
    assert cells[9] == "yes"


def test_two_ways_are_divided_round_by_round(tmp_path: Path):
    values = {"quiet": (100.0, 100.0, 50.0), "busy": (1.0, 40.0, 20.0)}
    lines = [record("ours", n, v, "neighbour", way) for way, some in values.items() for n, v in enumerate(some)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    cells = [cell.strip() for cell in compare("--table", str(tmp_path / "a.jsonl")).splitlines()[2].split("|")]
    assert cells[3] == "0.4 ± 0%, 30.0 ÷ 75.0"
    assert cells[9] == "no"
