"""`mistralrs bench` measures every combination it is asked for, and says so in a table, as JSON and in a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gguf import GGMLQuantizationType as Type
from transformers import LlamaConfig, LlamaForCausalLM

from mistralrs_agent.cli import main
from tests.engine.loading.gguf_files import write_model

QUICK = ("--gen-len", "4", "--concurrency", "1,2", "--iterations", "1", "--warmup", "0", "--pa-context-len", "128")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=128,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_model(LlamaForCausalLM(config), "llama", path, (Type.F32,))
    return path


def bench(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(("bench", *arguments))
    return left.value.code if isinstance(left.value.code, int) else 1


def test_every_length_concurrency_and_level_is_measured_and_drawn(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    picture = tmp_path / "speed.svg"
    sweep = ("--levels", "none,q8_0", "--prompt-len", "8,16", "--plot", str(picture))
    assert bench("-m", str(model), *sweep, *QUICK, "--json") == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [(run["level"], run["model"]["quantization"]) for run in runs] == [(None, "none"), ("q8_0", "Q8_0")]
    for run in runs:
        cases = [tuple(result["case"].values()) for result in run["results"]]
        assert cases == [(8, 1, 1), (8, 1, 2), (16, 1, 1), (16, 1, 2), (4, 4, 1), (4, 4, 2)]
        assert all(result["timing"]["prefill_tokens_per_s"] > 0 for result in run["results"])
    drawing = picture.read_text(encoding="utf-8")
    assert all(label in drawing for label in ("none, 1 together", "q8_0, 2 together", "q8_0, 4 after 4"))


def test_the_table_names_the_level_only_where_there_are_several(model: Path, capsys: pytest.CaptureFixture[str]):
    assert bench("-m", str(model), "--prompt-len", "0", *QUICK) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["case", "tokens/s"]
    assert [row[:22].strip() for row in rows] == ["decode 4 after 4", "decode 4 after 4 x 2"]
    assert bench("-m", str(model), "--prompt-len", "0", "--levels", "none,q4_0", *QUICK) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "level" and [row.split()[0] for row in rows] == ["none", "none", "q4_0", "q4_0"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--levels", "q8_0,q9"), "--levels: 'q9' is no quantisation level; choose one of 2, 3"),
        (("--levels", "q8_0", "--isq", "4"), "--levels cannot be combined with --isq or --quant"),
        (("--plot", "speed.bmp"), "must end in .svg, .png or .pdf"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_a_model_is_loaded(
    arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
):
    assert bench("-m", "no/such-model", *arguments) in (1, 2)
    assert problem in capsys.readouterr().err
