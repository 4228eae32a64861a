"""Matrix → packed matrix: by the native library where there is one, by torch elsewhere, with the same bytes."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.kernels import native
from engine.quant.base import GGMLType, PackedTensor
from engine.quant.ggml_encode import encode

_PLAIN = {torch.float32: GGMLType.F32, torch.float16: GGMLType.F16, torch.bfloat16: GGMLType.BF16}
_CHUNK_ELEMENTS = 1 << 20
"""Elements encoded at once by torch: bounds the temporaries."""


def quantize(weight: Tensor, type: GGMLType) -> PackedTensor:
    """Pack (rows, columns) of float32, float16 or bfloat16 on the CPU; columns are whole blocks of `type`.

    Raises:
        ValueError: a weight is infinite or no number, or a row ends inside a block.
    """
    rows, columns = weight.shape
    if columns % type.block_elements:
        raise ValueError(f"A row of {columns} elements is no whole number of {type.name} blocks.")
    blocks = rows * columns // type.block_elements
    out = torch.empty(blocks, type.block_bytes, dtype=torch.uint8)
    weight = weight.contiguous()
    library = native()
    if library is not None:
        arguments = _PLAIN[weight.dtype].file_id, weight.data_ptr(), weight.numel(), out.data_ptr()
        is_finite = bool(library.quantize(type.file_id, *arguments))
    else:
        is_finite = _encode_all(weight.view(-1), type, out)
    if not is_finite:
        raise ValueError("Some weights are infinite or not a number.")
    return PackedTensor(type, out.view(rows, -1), (rows, columns))


def _encode_all(flat: Tensor, type: GGMLType, out: Tensor) -> bool:
    for start in range(0, flat.numel(), _CHUNK_ELEMENTS):
        piece = flat[start : start + _CHUNK_ELEMENTS].float()
        if not piece.isfinite().all():
            return False
        first = start // type.block_elements
        out[first : first + piece.numel() // type.block_elements] = encode(piece, type)
    return True
