"""What a token costs to read, from the header of a GGUF file."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from engine.loading.gguf import read_gguf
from engine.quant.base import GGMLType

_KV_ELEMENT_BYTES = 2
"""float16 and bfloat16, what every engine measured here takes by itself."""


@dataclass(frozen=True)
class ModelFile:
    path: Path
    weight_bytes: int
    """Of all tensors that every token reads: not the embedding, where the head has a matrix of its own."""
    kv_bytes_per_token: int
    """Keys and values of one position in all layers."""

    @property
    def name(self) -> str:
        return self.path.stem

    def step_bytes(self, requests: list[tuple[int, int]]) -> float:
        """What a decode step of these requests together reads, on average over the tokens they generate."""
        context = sum(prompt + generated / 2 for prompt, generated in requests)
        return self.weight_bytes + context * self.kv_bytes_per_token

    def kv_bytes(self, requests: list[tuple[int, int]]) -> int:
        """What the whole of these requests' keys and values takes."""
        return sum(prompt + generated for prompt, generated in requests) * self.kv_bytes_per_token


def read(path: Path) -> ModelFile:
    file = read_gguf(path)
    types = {type.file_id: type for type in GGMLType}
    tensors = dict(file.tensors)
    if "output.weight" in tensors:
        del tensors["token_embd.weight"]
    weights = 0
    for tensor in tensors.values():
        type = types[tensor.type_id]
        weights += prod(tensor.shape) // type.block_elements * type.block_bytes

    architecture = file.metadata["general.architecture"]

    def number(key: str, default: int | None = None) -> int:
        value = file.metadata.get(f"{architecture}.{key}", default)
        assert isinstance(value, int), key
        return value

    heads = number("attention.head_count")
    head_dim = number("embedding_length") // heads
    width = number("attention.key_length", head_dim) + number("attention.value_length", head_dim)
    positions = number("block_count") * number("attention.head_count_kv", heads) * width
    return ModelFile(path, weights, positions * _KV_ELEMENT_BYTES)
