"""Unigram vocabularies, as tokenizer.model and as GGUF, agree with the `sentencepiece` package to the last piece."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import gguf
import pytest

from engine.errors import CorruptModel
from engine.loading.gguf import read_gguf
from engine.loading.sentencepiece_model import SentencePieceModel, read_sentencepiece
from engine.loading.tokenizer import gguf_tokenizer

DATA = Path(__file__).parent / "data" / "sentencepiece"
UNKNOWN = " ⁇ "
"""What sentencepiece shows in place of an unknown piece."""


def model(name: str, folder: Path) -> SentencePieceModel:
    (folder / "tokenizer.model").write_bytes(lzma.decompress((DATA / f"{name}.model.xz").read_bytes()))
    return read_sentencepiece(folder / "tokenizer.model")


def as_gguf(said: SentencePieceModel, path: Path, **changes: object) -> Path:
    """The same vocabulary as llama.cpp's converter writes it."""
    writer = gguf.GGUFWriter(path, "t5")
    fields = {**said.metadata, **{f"tokenizer.ggml.{name}": value for name, value in changes.items()}}
    for key, value in fields.items():
        match value:
            case bool():
                writer.add_bool(key, value)
            case int():
                writer.add_int32(key, value)
            case str():
                writer.add_string(key, value)
            case list() if key.endswith("charsmap"):
                writer.add_array(key, bytes(value))
            case list():
                writer.add_array(key, value)
            case _:
                pass
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    return path


@pytest.mark.parametrize("kind", ["model", "gguf"])
@pytest.mark.parametrize("name", ["unigram", "unigram_bytes", "bpe_rules"])
def test_texts_become_the_pieces_that_sentencepiece_finds_and_texts_again(name: str, kind: str, tmp_path: Path):
    said = model(name, tmp_path)
    tokenizer = gguf_tokenizer(said if kind == "model" else read_gguf(as_gguf(said, tmp_path / "v.gguf")))
    vectors = json.loads((DATA / f"{name}.json").read_text())
    assert len(vectors) >= 50
    for vector in vectors:
        ids = tokenizer.encode(vector["text"], add_special_tokens=False).ids
        assert ids == vector["ids"], vector["text"]
        if UNKNOWN not in vector["decoded"]:
            assert tokenizer.decode(ids, skip_special_tokens=False) == vector["decoded"]


def test_an_end_of_sequence_token_is_added_where_the_file_or_llama_cpp_says_so(tmp_path: Path):
    said = model("unigram", tmp_path)
    assert gguf_tokenizer(said).encode("one two").tokens[-1] != "</s>"  # a tokenizer.model does not say
    changed = as_gguf(said, tmp_path / "v.gguf", add_eos_token=True)
    assert gguf_tokenizer(read_gguf(changed)).encode("one two").tokens[-1] == "</s>"


def test_a_unigram_vocabulary_without_an_unknown_piece_is_corrupt(tmp_path: Path):
    changed = as_gguf(model("unigram", tmp_path), tmp_path / "v.gguf", unknown_token_id=-1)
    with pytest.raises(CorruptModel, match="unknown_token_id"):
        gguf_tokenizer(read_gguf(changed))
