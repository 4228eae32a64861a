"""GPT-2's vocabulary is in merge order too: written as a tekken.json it gives the same vectors."""

from __future__ import annotations

import base64
import json
import lzma
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from engine.errors import CorruptModel
from engine.loading.gguf import read_gguf
from engine.loading.pretokenizer import PRETOKENIZERS
from engine.loading.tekken import tekken_tokenizer
from tests.engine.loading.test_tokenizer import DATA, TEXTS

SPECIAL = 20


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tekken")
    (folder / "v.gguf").write_bytes(lzma.decompress((DATA / "ggml-vocab-gpt-2.gguf.xz").read_bytes()))
    tokens = read_gguf(folder / "v.gguf").metadata["tokenizer.ggml.tokens"][:-1]  # the last one is special
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    byte_of = {chr(b): b for b in seen} | {
        chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in seen)
    }
    words = [base64.b64encode(bytes(byte_of[letter] for letter in token)).decode() for token in tokens]
    config = {
        "pattern": PRETOKENIZERS["gpt-2"].patterns[0],
        "default_vocab_size": len(words) + SPECIAL,
        "default_num_special_tokens": SPECIAL,
    }
    vocab = [
        {"rank": rank, "token_bytes": word, "token_str": None} for rank, word in enumerate([*words, "bm90IHRoaXM="])
    ]
    path = folder / "tekken.json"
    path.write_text(json.dumps({"config": config, "vocab": vocab}))
    return tekken_tokenizer(path)


def test_texts_become_the_expected_ids_after_the_special_ones(tokenizer: Tokenizer):
    for text, line in zip(TEXTS, (DATA / "ggml-vocab-gpt-2.gguf.out").read_text().splitlines(), strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert ids == [int(number) + SPECIAL for number in line.split()], text
        assert tokenizer.decode(ids) == text


def test_special_tokens_have_the_first_ids(tokenizer: Tokenizer):
    assert tokenizer.encode("[INST]hi[/INST]").ids[:2] == [1, 3]
    assert tokenizer.token_to_id("[TOOL_CALLS]") == 9


def test_a_damaged_file_is_corrupt(tmp_path: Path):
    (tmp_path / "tekken.json").write_text('{"config": {}}')
    with pytest.raises(CorruptModel, match="is not a valid tekken"):
        tekken_tokenizer(tmp_path / "tekken.json")
