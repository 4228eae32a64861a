"""LoRA adapters over HTTP, on a real engine with a tiny model: listing, choosing, loading, replacing, unloading."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from server_doubles import http_client, make_agent

from engine import ModelOptions
from engine.chat.local import LocalChatModel
from engine.loading.tokenizer import load_tokenizer
from engine.service import ThreadService
from tests.engine.adapters import peft_adapters
from tests.engine.models import tiny
from tests.engine.toy import toy_tokenizer

LISTED = "/v1/lora_adapters"
LOAD = "/v1/load_lora_adapter"
UNLOAD = "/v1/unload_lora_adapter"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, adapters `a` and `b` in `adapters/`, and `c` outside of it."""
    folder = tmp_path_factory.mktemp("model")
    model = tiny.make("llama", folder)
    toy_tokenizer().save(str(folder / "tokenizer.json"))
    for seed, name in enumerate(("adapters/a", "adapters/b", "c")):
        peft_adapters.save(model, folder / name, seed=seed)
    (folder / "adapters" / "linked").symlink_to(folder / "c")
    return folder


@asynccontextmanager
async def client_of(folder: Path, *, changes: bool = True, **options: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """A server with adapter `a` loaded."""
    settings = {"alias": "base", "dtype": "f32", "threads": 1, "cpu": True, "pa_context_len": 256}
    source = replace(
        tiny.source_of(folder),
        tokenizer_file=folder / "tokenizer.json",
        chat_template="{{ messages[-1].content }}",
        adapters=(("a", folder / "adapters" / "a"),),
    )
    service = await ThreadService.start(ModelOptions(**(settings | options)), source, lambda text: None)
    model = LocalChatModel(source, load_tokenizer(source), service)
    root = folder / "adapters" if changes else None
    try:
        async with http_client(make_agent(model), adapter_root=root) as client:
            yield client
    finally:
        await model.close()


async def reply(client: httpx.AsyncClient, **fields: Any) -> str:
    body = {"messages": "abc", "temperature": 0, "max_tokens": 12, "ignore_eos": True} | fields
    answer = (await client.post("/v1/chat/completions", json=body)).json()
    assert "error" not in answer, answer
    return answer["choices"][0]["message"]["content"]


async def test_an_adapter_answers_by_field_by_model_name_and_in_completions(folder: Path):
    async with client_of(folder) as client:
        base, adapted = await reply(client), await reply(client, adapter="a")
        assert base != adapted
        assert await reply(client, model="a") == await reply(client, model="base::a") == adapted
        assert await reply(client, model="a", adapter="a") == adapted
        (listed,) = (await client.get(LISTED)).json()["data"]
        assert await reply(client, adapter={"generation": listed["generation"]}) == adapted
        raw = {"prompt": "abc", "temperature": 0, "max_tokens": 12, "ignore_eos": True, "adapter": "a"}
        assert (await client.post("/v1/completions", json=raw)).json()["choices"][0]["text"] == adapted


async def test_a_server_with_a_default_adapter_gives_the_base_model_when_asked(folder: Path):
    async with client_of(folder) as client:
        base, adapted = await reply(client), await reply(client, adapter="a")
    async with client_of(folder, default_adapter="a") as client:
        assert (await reply(client), await reply(client, adapter="none")) == (adapted, base)


async def test_models_list_adapters_below_their_base(folder: Path):
    async with client_of(folder) as client:
        cards = (await client.get("/v1/models")).json()["data"]
        assert [card["id"] for card in cards] == ["default", "base", "base::a"]
        (listed,) = (await client.get(LISTED)).json()["data"]
        assert (cards[2]["parent"], cards[2]["adapter_generation"]) == ("base", listed["generation"])
        assert (await client.get("/v1/models/base::a")).json() == cards[2]


async def test_loading_replacing_and_unloading_while_running(folder: Path):
    async with client_of(folder) as client:
        loaded = (await client.post(LOAD, json={"lora_name": "x", "lora_path": "b", "lora_int_id": 3})).json()
        assert (loaded["id"], loaded["object"], loaded["rank"]) == ("x", "lora_adapter", 4)
        first = await reply(client, adapter="x")
        expected = {"load_inplace": True, "expected_generation": loaded["generation"]}
        path = str(folder / "adapters" / "a")
        replaced = (await client.post(LOAD, json={"lora_name": "x", "lora_path": path, **expected})).json()
        assert replaced["generation"] != loaded["generation"]
        assert await reply(client, adapter="x") == await reply(client, adapter="a") != first
        status = (await client.get(LISTED)).json()
        assert [(g["aliases"], g["retired"]) for g in status["generations"]] == [(["a", "x"], False)]
        assert (status["resident_generations"], status["max_adapters"], status["max_rank"]) == (1, 16, 256)
        assert (await client.post(UNLOAD, json={"lora_name": "x"})).json() == replaced
        gone = await client.post("/v1/chat/completions", json={"messages": "abc", "adapter": "x"})
        assert (gone.status_code, gone.json()["error"]["param"]) == (400, "adapter")


@pytest.mark.parametrize(
    ("url", "body", "status", "code"),
    [
        (LOAD, {"lora_name": "a", "lora_path": "b"}, 409, "lora_adapter_already_loaded"),
        (LOAD, {"lora_name": " ", "lora_path": "b"}, 400, "invalid_lora_name"),
        (LOAD, {"lora_name": "x", "lora_path": "nowhere"}, 404, "adapter_path_not_found"),
        (LOAD, {"lora_name": "x", "lora_path": "."}, 404, "adapter_file_not_found"),
        (LOAD, {"lora_name": "x", "lora_path": "../c"}, 403, "adapter_path_forbidden"),
        (LOAD, {"lora_name": "x", "lora_path": "linked"}, 403, "adapter_path_forbidden"),
        (LOAD, {"lora_name": "x", "lora_path": "/etc"}, 403, "adapter_path_forbidden"),
        (LOAD, {"lora_name": "x", "lora_path": "b\0"}, 404, "adapter_path_not_found"),
        (LOAD, {"lora_name": "x", "lora_path": "b", "expected_generation": "0" * 64}, 400, "invalid_lora_load_policy"),
        (LOAD, {"lora_name": "a", "lora_path": "b", "replace": True, "expected_generation": "0" * 64},
         409, "lora_generation_mismatch"),
        (LOAD, {"lora_name": "x", "lora_path": "b", "model": "y"}, 404, "model_not_found"),
        (LOAD, {"lora_name": "x"}, 422, "missing_field"),
        (UNLOAD, {"lora_name": "x"}, 404, "lora_adapter_not_found"),
        (UNLOAD, {"lora_name": "a", "expected_generation": "0" * 64}, 409, "lora_generation_mismatch"),
    ],
)  # fmt: skip
async def test_wrong_changes_are_refused_and_change_nothing(
    folder: Path, url: str, body: dict[str, Any], status: int, code: str
):
    async with client_of(folder) as client:
        before = (await client.get(LISTED)).json()
        answer = await client.post(url, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
        assert (await client.get(LISTED)).json() == before


async def test_a_damaged_adapter_is_refused(folder: Path, tmp_path: Path):
    bad = folder / "adapters" / tmp_path.name
    shutil.copytree(folder / "adapters" / "b", bad)
    (bad / "adapter_model.safetensors").write_bytes(b"x" * 99)
    async with client_of(folder) as client:
        answer = await client.post(LOAD, json={"lora_name": "x", "lora_path": bad.name})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_lora_adapter")


async def test_without_permission_adapters_are_listed_only(folder: Path):
    async with client_of(folder, changes=False) as client:
        for url, body in ((LOAD, {"lora_name": "x", "lora_path": "b"}), (UNLOAD, {"lora_name": "a"})):
            answer = await client.post(url, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "lora_runtime_unavailable")
        (listed,) = (await client.get(LISTED)).json()["data"]
        assert "source" not in listed


async def test_two_adapters_for_one_request_are_refused(folder: Path):
    async with client_of(folder) as client:
        body = {"messages": "abc", "model": "a", "adapter": "b"}
        answer = await client.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "adapter")
