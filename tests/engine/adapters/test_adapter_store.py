"""Adapters in a running engine: who gets which, what is shared, what is given back, and what is refused."""

from __future__ import annotations

import gc
import json
import pickle
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.adapters.asked import AdapterLimits, AdapterOption
from engine.engine import Engine
from engine.errors import AdapterError, InvalidRequest, ModelLoadError
from engine.loading.source import ModelSource
from engine.options import ModelOptions
from engine.plan import build_engine
from tests.engine.adapters import peft_adapters
from tests.engine.models import tiny
from tests.engine.toy import ask, ids, run, toy_tokenizer

PROMPT = torch.randint(3, 94, (41,), generator=torch.Generator().manual_seed(5)).tolist()
NAMES = ("none", "first", "second")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with two adapters for it."""
    folder = tmp_path_factory.mktemp("llama")
    model = tiny.make("llama", folder)
    toy_tokenizer().save(str(folder / "tokenizer.json"))
    peft_adapters.save(model, folder / "first", seed=1)
    peft_adapters.save(model, folder / "second", seed=2, r=3, target_modules=["q_proj", "down_proj"])
    return folder


def built(folder: Path, **options: Any) -> Engine:
    settings: dict[str, Any] = {"dtype": "f32", "threads": 1, "pa_context_len": 1024, "pa_block_size": 8, "cpu": True}
    adapters = (("first", folder / "first"), ("second", folder / "second"))
    source = replace(source_of(folder), adapters=adapters)
    return build_engine(ModelOptions(**(settings | options)), source, lambda text: None)[0]


def source_of(folder: Path) -> ModelSource:
    return replace(tiny.source_of(folder), tokenizer_file=folder / "tokenizer.json")


def replies(engine: Engine, count: int = 60, **which: str | None) -> dict[str, list[int]]:
    """Greedy replies to one prompt, all at once, with the adapters of these names."""
    for id, adapter in which.items():
        engine.add(replace(ask(id, PROMPT, count, ignore_eos=True), adapter=adapter))
    told = run(engine)
    return {id: ids(told[id, 0]) for id in which}


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, list[int]]:
    """What each adapter replies by itself, in an engine of its own."""
    return {name: replies(built(folder), r=name)["r"] for name in NAMES}


def test_replies_in_one_batch_are_those_of_each_alone(folder: Path, alone: dict[str, list[int]]):
    assert len({tuple(reply) for reply in alone.values()}) == 3
    together = replies(built(folder), a="second", b="none", c="first", d="second", e=None)
    names = {"a": "second", "b": "none", "c": "first", "d": "second", "e": "none"}
    assert together == {id: alone[name] for id, name in names.items()}


@pytest.mark.parametrize(
    "options",
    [
        {"max_num_batched_tokens": 9},
        {"prefix_cache_n": 0},
        {"no_kv_cache": True},
        {"pa_context_len": 128},
        {"arch": "transformers"},
    ],
    ids=str,
)
def test_replies_do_not_depend_on_chunks_cache_or_preemption(
    folder: Path, alone: dict[str, list[int]], options: dict[str, Any]
):
    engine = built(folder, **options)
    together = replies(engine, a="first", b="second", c="none", d="first")
    assert together == {"a": alone["first"], "b": alone["second"], "c": alone["none"], "d": alone["first"]}
    assert (engine.stats().preemptions > 0) == ("pa_context_len" in options)


def test_a_cached_prefix_is_good_for_its_adapter_only(folder: Path, alone: dict[str, list[int]]):
    engine = built(folder)
    for name in NAMES:
        before = engine.stats().prefix_cache_hits
        assert replies(engine, r=name)["r"] == alone[name]
        assert engine.stats().prefix_cache_hits == before
        assert replies(engine, again=name)["again"] == alone[name]
        assert engine.stats().prefix_cache_hits == before + len(PROMPT) // 8


def test_several_choices_share_a_prompt_and_its_adapter(folder: Path, alone: dict[str, list[int]]):
    engine = built(folder)
    engine.add(replace(ask("r", PROMPT, 60, ignore_eos=True, n=3), adapter="first"))
    told = run(engine)
    assert [ids(told["r", index]) for index in range(3)] == [alone["first"]] * 3


def test_the_default_adapter_answers_when_none_is_named(folder: Path, alone: dict[str, list[int]]):
    engine = built(folder, default_adapter="first")
    found = replies(engine, a=None, b="none", c="second")
    assert found == {"a": alone["first"], "b": alone["none"], "c": alone["second"]}
    with pytest.raises(AdapterError, match="it can be replaced, not unloaded"):
        engine.adapters.unload("first")


def test_a_default_that_is_not_loaded_is_refused_at_start(folder: Path):
    with pytest.raises(ModelLoadError, match="No adapter 'third' is loaded; loaded: first, second"):
        built(folder, default_adapter="third")


def test_an_unknown_adapter_is_refused_and_nothing_is_queued(folder: Path):
    engine = built(folder)
    with pytest.raises(InvalidRequest, match="No adapter 'third' is loaded; loaded: first, second") as caught:
        replies(engine, r="third")
    assert caught.value.param == "adapter"
    assert not engine.has_work


def test_an_adapter_unloaded_while_in_use_finishes_its_replies_and_goes(folder: Path, alone: dict[str, list[int]]):
    engine = built(folder)
    adapter = engine.adapters.lease("first")
    assert adapter is not None
    engine.adapters.release(adapter)
    memory = weakref.ref(next(iter(adapter.layers.values())).scales)
    del adapter
    engine.add(replace(ask("r", PROMPT, 60, ignore_eos=True), adapter="first"))
    told = [delta for _ in range(3) for delta in engine.step()]
    info = engine.adapters.unload("first")
    assert [adapter.alias for adapter in engine.adapters.status().adapters] == ["second"]
    assert [(r.aliases, r.generation) for r in engine.adapters.status().resident][1] == ((), info.generation)
    with pytest.raises(InvalidRequest, match="No adapter 'first'"):
        engine.add(replace(ask("late", PROMPT, 1), adapter="first"))
    assert replies(engine, pinned=info.generation)["pinned"] == alone["first"]
    rest = run(engine)
    gc.collect()
    assert memory() is None
    assert len(engine.adapters.status().resident) == 1
    assert ids(told) == alone["first"][: len(ids(told))]
    assert not rest


@pytest.mark.parametrize("end", ["abort", "timeout", "failure"])
def test_a_request_that_ends_early_gives_its_adapter_back(folder: Path, end: str):
    engine = built(folder)
    engine.add(replace(ask("r", PROMPT, 60, n=2), adapter="first", timeout_s=1e-6 if end == "timeout" else None))
    engine.adapters.unload("first")
    if end == "abort":
        engine.step()
        engine.abort("r")
    elif end == "failure":
        assert engine.abort_all() == ["r"]
    else:
        run(engine)
    assert [resident.aliases for resident in engine.adapters.status().resident] == [("second",)]


def test_a_name_can_be_given_to_another_version(folder: Path, alone: dict[str, list[int]]):
    engine = built(folder)
    store = engine.adapters
    first = store.load("first", folder / "first")
    with pytest.raises(AdapterError, match="'first' is loaded already") as caught:
        store.load("first", folder / "second")
    assert caught.value.code == "lora_adapter_already_loaded"
    with pytest.raises(AdapterError, match="is of generation") as caught:
        store.load("first", folder / "second", replace=True, expected="0" * 64)
    assert caught.value.code == "lora_generation_mismatch"
    second = store.load("first", folder / "second", replace=True, expected=first.generation)
    assert second.generation != first.generation
    assert replies(engine, r="first")["r"] == alone["second"]
    assert len(store.status().resident) == 1


def test_the_generation_follows_from_the_content_of_both_files(folder: Path):
    parts = [b"mistral.rs dynamic LoRA generation v2"]
    for kind, name in ((b"config", "adapter_config.json"), (b"weights", "adapter_model.safetensors")):
        parts += [kind, sha256((folder / "first" / name).read_bytes()).digest()]
    (info, _) = built(folder).adapters.status().adapters
    assert info.generation == sha256(b"\0".join(parts)).hexdigest()
    assert (info.alias, info.rank, info.source) == ("first", 4, str(folder / "first"))
    assert info.nbytes > 0


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (AdapterLimits(adapters=1), "lora_alias_limit_exceeded"),
        (AdapterLimits(rank=3), "lora_rank_limit_exceeded"),
        (AdapterLimits(nbytes=1000), "lora_byte_limit_exceeded"),
    ],
)
def test_limits_hold_at_start_too(folder: Path, limits: AdapterLimits, code: str):
    with pytest.raises(AdapterError, match="allowed") as caught:
        built(folder, adapter_limits=limits)
    assert caught.value.code == code
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.code) == (str(caught.value), code)


@pytest.mark.parametrize("alias", ["", "  ", "x" * 257, "none", "0" * 64])
def test_names_that_mean_something_else_are_refused(folder: Path, alias: str):
    with pytest.raises(AdapterError, match="cannot name an adapter") as caught:
        built(folder).adapters.load(alias, folder / "first")
    assert caught.value.code == "invalid_lora_name"


def config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        found = load_file(folder / "adapter_model.safetensors")
        change(found)
        save_file(found, folder / "adapter_model.safetensors")

    return apply


HEAD = "base_model.model.lm_head.lora_A.weight"
Q = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (config(peft_type="IA3"), "peft_type is 'IA3'; only LORA"),
        (config(use_dora=True), "use_dora is True; DoRA is not supported"),
        (config(bias="all"), "bias is 'all'"),
        (config(lora_bias=True), "lora_bias is True"),
        (config(modules_to_save=["lm_head"]), r"modules_to_save is \['lm_head'\]"),
        (config(target_parameters=["mlp.experts.down_proj"]), "target_parameters is"),
        (config(init_lora_weights="pissa_niter_4"), "init_lora_weights is 'pissa_niter_4'"),
        (config(r=0), "r is 0; it should be a whole number"),
        (config(lora_alpha="big"), "lora_alpha is 'big'; it should be a number"),
        (config(target_modules=[]), "target_modules is"),
        (config(rank_pattern={"(": 4}), "no valid pattern"),
        (config(rank_pattern={"q_proj": 5}), r"has shape \(4, 32\), should have \(5, 32\)"),
        (lambda folder: (folder / "adapter_config.json").write_text("{"), "is not valid JSON"),
        (lambda folder: (folder / "adapter_config.json").write_text("[]"), "should hold a JSON object"),
        (lambda folder: (folder / "adapter_config.json").write_text(" " * 2**20 + "{}"), "at most 1,048,576 are read"),
        (lambda folder: (folder / "adapter_config.json").unlink(), "there is no adapter_config.json"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "there is no adapter_model.safetensors"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x" * 99), "not a valid safetensors"),
        (tensors(lambda found: found.pop(f"{Q}.lora_B.weight")), "'.*q_proj.lora_B.weight' is missing"),
        (tensors(lambda found: found.update({f"{Q}.lora_A.weight": torch.zeros(4, 16)})), r"shape \(4, 16\)"),
        (tensors(lambda found: found.update({f"{Q}.lora_A.weight": torch.zeros(4, 32).int()})), "has type torch.int32"),
        (tensors(lambda found: found[f"{Q}.lora_A.weight"].fill_(torch.inf)), "no finite numbers"),
        (tensors(lambda found: found.update({f"{Q}.lora_magnitude_vector": torch.zeros(32)})), "no A or B of an"),
        (tensors(lambda found: found.update({HEAD: torch.zeros(4, 32)})), "'lm_head'; it takes down_proj"),
        (tensors(lambda found: [found.pop(n) for n in list(found) if "v_proj" in n]), "'v_proj' has no weights"),
        (tensors(lambda found: found.clear()), "has no weights"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused_by_name(
    folder: Path, tmp_path: Path, change: Callable[[Path], None], message: str
):
    shutil.copytree(folder / "first", tmp_path / "bad")
    change(tmp_path / "bad")
    store = built(folder).adapters
    with pytest.raises(AdapterError, match=message):
        store.load("bad", tmp_path / "bad")
    assert len(store.status().adapters) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=./x;b=owner/name", [("a", "./x", None), ("b", "owner/name", None)]),
        ("owner/name;/somewhere/else/", [("name", "owner/name", None), ("else", "/somewhere/else/", None)]),
        ('{"name": "a", "path": "x", "revision": "v1"}', [("a", "x", "v1")]),
    ],
)
def test_ways_to_name_adapters(text: str, expected: list[tuple[str, str, str | None]]):
    assert [(o.alias, o.source, o.revision) for o in AdapterOption.parse_list(text)] == expected


@pytest.mark.parametrize("text", ["a=", "=x", '{"name": "a"}', '{"name": "a", "path": "x", "rank": 4}', "{", "none=x"])
def test_wrong_ways_to_name_adapters(text: str):
    with pytest.raises(AdapterError) as caught:
        AdapterOption.parse_list(text)
    assert caught.value.code == "invalid_lora_name"
