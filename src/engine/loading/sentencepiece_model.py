"""SentencePiece's tokenizer.model: a protocol buffer, read into the words GGUF files use for the same things."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import MetadataValue

_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_MODEL_TYPE, _UNKNOWN_ID, _BEGIN_ID, _END_ID = 3, 40, 41, 42
_CHARSMAP, _ADD_DUMMY_PREFIX, _REMOVE_EXTRA_WHITESPACES = 2, 3, 4
_KINDS = {1: "t5", 2: "llama"}
"""Unigram and BPE, by the names GGUF has for them."""


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """What a file says, as `tokenizer.ggml.*`."""

    path: Path
    metadata: Mapping[str, MetadataValue]


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Raises: CorruptModel for a damaged file, UnsupportedModel for one of words or characters."""
    try:
        fields = list(_fields(path.read_bytes()))
        pieces = [dict(_fields(value)) for number, value in fields if number == _PIECES and isinstance(value, bytes)]
        trainer, normalizer = (_message(fields, number) for number in (_TRAINER, _NORMALIZER))
        tokens = [_bytes(piece[1]).decode() for piece in pieces]
        scores = [struct.unpack("<f", _bytes(piece.get(2, bytes(4))))[0] for piece in pieces]
    except (ValueError, IndexError, KeyError, struct.error) as error:
        raise CorruptModel(f"{path} is not a valid SentencePiece model: {error!r}") from error
    if not tokens:
        raise CorruptModel(f"{path} is not a valid SentencePiece model: it has no tokens.")
    kind = _KINDS.get(_number(trainer.get(_MODEL_TYPE, 1)))
    if kind is None:
        raise UnsupportedModel(
            f"{path} is neither unigram nor BPE; only these are supported. Give a tokenizer.json with --tokenizer."
        )
    types: list[MetadataValue] = [_number(piece.get(3, 1)) for piece in pieces]
    metadata: dict[str, MetadataValue] = {
        "tokenizer.ggml.model": kind,
        "tokenizer.ggml.tokens": list(tokens),
        "tokenizer.ggml.scores": list(scores),
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.add_space_prefix": bool(normalizer.get(_ADD_DUMMY_PREFIX, 1)),
        "tokenizer.ggml.remove_extra_whitespaces": bool(normalizer.get(_REMOVE_EXTRA_WHITESPACES, 1)),
        "tokenizer.ggml.precompiled_charsmap": list(_bytes(normalizer.get(_CHARSMAP, b""))),
        "tokenizer.ggml.add_eos_token": False,
    }
    for name, field, default in (("unknown", _UNKNOWN_ID, 0), ("bos", _BEGIN_ID, 1), ("eos", _END_ID, 2)):
        metadata[f"tokenizer.ggml.{name}_token_id"] = _number(trainer.get(field, default))
    return SentencePieceModel(path, metadata)


def _message(fields: list[tuple[int, int | bytes]], wanted: int) -> dict[int, int | bytes]:
    return dict(_fields(next((_bytes(value) for number, value in fields if number == wanted), b"")))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field: integers, and the bytes of all else. Raises: ValueError, IndexError."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(data):
            raise ValueError("truncated")
        yield tag >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError(f"number {value} where bytes should be")
    return value


def _number(value: int | bytes) -> int:
    """A 64-bit field as the signed 32-bit number it is: -1 means that there is none."""
    if isinstance(value, bytes):
        raise ValueError("bytes where a number should be")
    return value - (1 << 64) if value >> 63 else value
