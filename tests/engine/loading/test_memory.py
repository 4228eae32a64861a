"""What loading takes at its peak: the model as it is kept and the tensors in work, never the whole file as well."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig

from engine.kernels import native

HIDDEN, INNER, LAYERS, VOCABULARY = 1024, 4096, 6, 16_384
MIB = 1 << 20
LARGEST_TWO = 2 * HIDDEN * (VOCABULARY + INNER)
ELSE = 16 * MIB
"""Code that loading runs for the first time, and Python's own objects."""

LOAD = """
import json, sys
from dataclasses import replace
from pathlib import Path
from engine import kernels
from engine.loading import load
from tests.engine.models import tiny

def bytes_of(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) << 10

source = replace(tiny.source_of(Path(sys.argv[1])), quantize_to=json.loads(sys.argv[2]))
kernels.native().threads()
before = bytes_of("VmRSS")
model = load.load_model(source, tiny.build())
print(json.dumps([bytes_of("VmHWM") - before, bytes_of("VmRSS") - before, model.weight_bytes]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 200 MB in bfloat16."""
    path = tmp_path_factory.mktemp("large")
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        vocab_size=VOCABULARY,
        num_attention_heads=16,
        num_key_value_heads=4,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        architectures=["LlamaForCausalLM"],
    )
    config.save_pretrained(path)
    drawn = torch.randn(VOCABULARY, HIDDEN, generator=torch.Generator().manual_seed(1)).bfloat16()
    shapes = {"self_attn.q_proj": HIDDEN, "self_attn.k_proj": HIDDEN // 4, "self_attn.v_proj": HIDDEN // 4}
    shapes |= {"self_attn.o_proj": HIDDEN, "mlp.gate_proj": INNER, "mlp.up_proj": INNER}
    tensors = {"model.embed_tokens.weight": drawn, "model.norm.weight": torch.ones(HIDDEN)}
    for layer in (f"model.layers.{index}" for index in range(LAYERS)):
        tensors |= {f"{layer}.{name}_layernorm.weight": torch.ones(HIDDEN) for name in ("input", "post_attention")}
        tensors |= {f"{layer}.{name}.weight": drawn[:rows].clone() for name, rows in shapes.items()}
        tensors[f"{layer}.mlp.down_proj.weight"] = drawn[:INNER].reshape(HIDDEN, INNER).clone()
    save_file(tensors, path / "model.safetensors")
    return path


@pytest.mark.skipif(native() is None or not sys.platform.startswith("linux"), reason="for Linux, and the library")
@pytest.mark.parametrize(("format", "kept"), [("Q8_0", 34 / 64), (None, 1.0)])
def test_loading_takes_what_it_keeps_and_the_two_largest_tensors(format: str | None, kept: float, folder: Path):
    command = [sys.executable, "-c", LOAD, str(folder), json.dumps(format)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, after, weights = json.loads(done.stdout.splitlines()[-1])
    assert weights < kept * (folder / "model.safetensors").stat().st_size + MIB
    assert weights < after < weights + ELSE
    assert peak < weights + LARGEST_TWO + ELSE
