"""Phi-3's vocabulary, written as a tokenizer.model, gives the same vectors."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import read_gguf
from engine.loading.sentencepiece_model import read_sentencepiece
from engine.loading.tokenizer import gguf_tokenizer
from tests.engine.loading.test_tokenizer import DATA, TEXTS


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def piece(text: str, score: float, kind: int) -> bytes:
    return block(1, block(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) + number(3, kind))


def test_texts_become_the_expected_ids_and_texts_again(tmp_path: Path):
    (tmp_path / "v.gguf").write_bytes(lzma.decompress((DATA / "ggml-vocab-phi-3.gguf.xz").read_bytes()))
    said = read_gguf(tmp_path / "v.gguf").metadata
    columns = (said[f"tokenizer.ggml.{key}"] for key in ("tokens", "scores", "token_type"))
    pieces = b"".join(piece(*row) for row in zip(*columns, strict=True))
    (tmp_path / "tokenizer.model").write_bytes(pieces + block(2, number(3, 2)) + block(3, number(3, 1) + number(4, 0)))
    tokenizer = gguf_tokenizer(read_sentencepiece(tmp_path / "tokenizer.model"))
    for text, line in zip(TEXTS, (DATA / "ggml-vocab-phi-3.gguf.out").read_text().splitlines(), strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert ids == [int(token) for token in line.split()], text
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert tokenizer.encode("Hello").tokens[0] == "<s>"


@pytest.mark.parametrize("content", [b"", b"\x0a\xff", b"\x07", block(1, b"\x0a\x05ab")])
def test_a_damaged_file_is_corrupt(tmp_path: Path, content: bytes):
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(CorruptModel, match="not a valid SentencePiece model"):
        read_sentencepiece(tmp_path / "tokenizer.model")


def test_another_algorithm_is_refused_by_name(tmp_path: Path):
    (tmp_path / "tokenizer.model").write_bytes(piece("a", 0.0, 1) + block(2, number(3, 3)))
    with pytest.raises(UnsupportedModel, match="neither unigram nor BPE"):
        read_sentencepiece(tmp_path / "tokenizer.model")
