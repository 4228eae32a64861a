"""Models from the hub: the real client against a small server on this machine that answers like the hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from gguf import GGMLQuantizationType

from tests.engine.loading.gguf_files import write_model
from tests.engine.loading.test_sources import write_json, write_tokenizer
from tests.engine.models import tiny

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "someone/tiny-llama"
SCRIPT = """
import json, sys
from engine import ModelOptions
from engine.errors import EngineError
from engine.loading.source import resolve
options = json.loads(sys.argv[1])
reports = []
try:
    source = resolve(ModelOptions(**options), reports.append)
except EngineError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
else:
    files = [str(path) for path in source.weight_files]
    print(json.dumps({"files": files, "name": source.name, "kind": source.kind, "reports": reports}))
assert "torch" not in sys.modules
"""


@dataclass
class Hub:
    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    gated: bool = False

    def resolve(self, cache: Path, *, offline: bool = False, **options: Any) -> dict[str, Any]:
        """Run `resolve` in a process of its own, as the client reads its settings once."""
        environment = os.environ | {"HF_ENDPOINT": self.url, "HF_HUB_OFFLINE": str(int(offline)), "HF_HOME": str(cache)}
        environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "SECRET": "from-environment"}
        environment.pop("HF_TOKEN", None)
        arguments = {"model_id": REPOSITORY} | options
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout.splitlines()[-1])


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        if not path.startswith((f"/api/models/{REPOSITORY}", f"/{REPOSITORY}/resolve/")):
            return self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)
        if self.hub.gated:
            return self.reply(403, b"{}", {"X-Error-Code": "GatedRepo"}, with_body)
        if "/no-such-revision" in path:
            return self.reply(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, with_body)
        if path.startswith("/api/"):
            return self.reply(200, json.dumps(self.listing("/tree/" in path)).encode(), {}, with_body)
        name = path.split("/resolve/")[1].split("/", 1)[1]
        file = self.hub.folder / name
        if not file.is_file():
            return self.reply(404, b"", {"X-Error-Code": "EntryNotFound"}, with_body)
        if with_body:
            self.hub.asked.append(name)
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        return self.reply(200, content, headers, with_body)

    def listing(self, tree: bool) -> object:
        files = sorted(path for path in self.hub.folder.iterdir() if path.is_file())
        if tree:
            return [
                {
                    "type": "file",
                    "path": f.name,
                    "size": f.stat().st_size,
                    "oid": hashlib.sha1(f.read_bytes()).hexdigest(),
                }
                for f in files
            ]
        return {"id": REPOSITORY, "sha": COMMIT, "siblings": [{"rfilename": file.name} for file in files]}

    def reply(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    tiny.make("llama", folder)
    write_tokenizer(folder)
    write_json(folder / "tokenizer_config.json", {"chat_template": "hello"})
    (folder / "README.md").write_text("not needed")
    (folder / "pytorch_model.bin").write_bytes(b"never fetched")
    return folder


@pytest.fixture
def hub(files: Path) -> Iterator[Hub]:
    hub = Hub(files)
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hub
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_what_is_needed_is_fetched_and_then_cached(hub: Hub, tmp_path: Path):
    found = hub.resolve(tmp_path)
    assert found["kind"] == "safetensors"
    assert found["name"] == REPOSITORY
    assert [Path(file).name for file in found["files"]] == ["model.safetensors"]
    assert all(Path(file).is_relative_to(tmp_path) for file in found["files"])
    assert found["reports"] == [
        f"Asking the hub for {REPOSITORY}.",
        f"Fetching {REPOSITORY} from the hub, unless it is cached.",
    ]
    assert "model.safetensors" in hub.asked
    assert not {"README.md", "pytorch_model.bin"} & set(hub.asked)
    hub.asked.clear()
    assert hub.resolve(tmp_path)["files"] == found["files"]
    assert hub.asked == []
    hub.url = "http://127.0.0.1:9"  # nobody answers there
    assert hub.resolve(tmp_path, offline=True)["files"] == found["files"]
    assert hub.resolve(tmp_path)["files"] == found["files"]


def test_one_gguf_file_of_several(hub: Hub, tmp_path: Path):
    hub.folder = tmp_path / "repository"
    hub.folder.mkdir()
    model = tiny.make("llama", tmp_path / "hf")
    write_model(model, "llama", hub.folder / "tiny-Q8_0.gguf", (GGMLQuantizationType.Q8_0,))
    (hub.folder / "tiny-Q2_K.gguf").write_bytes(b"never fetched")
    assert "name one with -f: tiny-Q2_K.gguf, tiny-Q8_0.gguf" in hub.resolve(tmp_path / "cache")["message"]
    found = hub.resolve(tmp_path / "cache", quantized_file="tiny-Q8_0.gguf")
    assert found["kind"] == "gguf"
    assert hub.asked == ["tiny-Q8_0.gguf"]


def test_a_cache_folder_and_a_token_may_be_given(hub: Hub, tmp_path: Path):
    (tmp_path / "token").write_text("from-file\n")
    for source, expected in {
        "literal:given": "Bearer given",
        "env:SECRET": "Bearer from-environment",
        f"path:{tmp_path / 'token'}": "Bearer from-file",
        "none": "",
    }.items():
        hub.tokens.clear()
        found = hub.resolve(tmp_path / "home", hf_cache=str(tmp_path / "cache"), token_source=source)
        assert Path(found["files"][0]).is_relative_to(tmp_path / "cache")
        assert hub.tokens - {""} == {expected} - {""}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_id": "someone/else"}, "no folder or hub repository 'someone/else'"),
        ({"revision": "no-such-revision"}, "no revision 'no-such-revision'"),
        ({"quantized_file": "x.gguf"}, "has no file 'x.gguf'; GGUF files there: none"),
        ({"token_source": "wallet:x"}, "--token-source should be literal:X"),
        ({"token_source": "env:UNSET_ONE"}, "no environment variable 'UNSET_ONE'"),
    ],
)
def test_what_cannot_be_found_is_said(options: dict[str, str], message: str, hub: Hub, tmp_path: Path):
    assert message in hub.resolve(tmp_path, **options)["message"]


def test_a_gated_repository_says_what_to_do(hub: Hub, tmp_path: Path):
    hub.gated = True
    assert "accept its terms on the hub" in hub.resolve(tmp_path)["message"]


def test_offline_and_not_cached(hub: Hub, tmp_path: Path):
    found = hub.resolve(tmp_path, offline=True)
    assert found["error"] == "ModelNotFound"
    assert "not in the hub cache" in found["message"]
