"""`serve` and `run` as a person starts them, with the built-in model."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PROGRAM = [sys.executable, "-c", "from mistralrs_agent.cli import main; main()"]
SMALL = ["--max-seq-len", "128", "--pa-context-len", "512", "--threads", "1", "--seed", "1"]
PATIENCE_S = 120


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `mistralrs serve` and its address."""
    command = [*PROGRAM, "serve", "--agent", "--port", "0", "--alias", "pet", *SMALL]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, _address(process)
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    """Where the server listens, once its log says so."""
    assert process.stderr
    log = ""
    for line in process.stderr:
        log += line
        if found := re.search(r"Serving pet at (http://[^/]+)/v1", line):
            assert "small demonstration model" in log
            return found[1]
    raise AssertionError(f"the server ended: {log}")


def test_the_server_answers(server: tuple[subprocess.Popen[str], str]):
    body = {"model": "pet", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
    answer = httpx.post(f"{server[1]}/v1/chat/completions", json=body, timeout=PATIENCE_S)
    assert answer.status_code == 200
    assert answer.json()["usage"]["completion_tokens"] == 2


def test_the_workers_counts_are_on_the_metrics_page(server: tuple[subprocess.Popen[str], str]):
    httpx.post(f"{server[1]}/v1/completions", json={"prompt": "Once", "max_tokens": 3}, timeout=PATIENCE_S)
    page = httpx.get(f"{server[1]}/metrics", timeout=PATIENCE_S).text
    counts = dict(line.split(" ") for line in page.splitlines() if line.startswith("mistralrs_") and "{" not in line)
    assert float(counts["mistralrs_generated_tokens_total"]) >= 3
    assert float(counts["mistralrs_inter_token_latency_seconds_count"]) >= 2
    assert (counts["mistralrs_worker_up"], counts["mistralrs_sandbox_sessions"]) == ("1.0", "0.0")


def test_a_port_in_use_is_one_line(server: tuple[subprocess.Popen[str], str]):
    port = server[1].rpartition(":")[2]
    done = subprocess.run([*PROGRAM, "serve", "--port", port], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("mistralrs: error: Cannot listen on 127.0.0.1 port")
    assert done.stderr.count("\n") == 1


def test_a_signal_ends_server_and_worker(server: tuple[subprocess.Popen[str], str]):
    process, _ = server
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = children.read_text().split() if children.exists() else []
    assert workers or not children.exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr and "Traceback" not in process.stderr.read()
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def test_one_question_is_answered_on_standard_output():
    command = [*PROGRAM, "run", "-i", "-", *SMALL]
    done = subprocess.run(
        command, input="What is the capital of France?", capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "small demonstration model" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "/no/such/model.gguf"], "/no/such/model.gguf"),
        (["-f", "{junk}"], "is not a GGUF file"),
        (["--agent", "--sandbox", "on", "--code-exec-python", "{junk}"], "code execution is not possible here"),
    ],
)
def test_what_cannot_be_started_is_said_in_one_line(arguments: list[str], message: str, tmp_path: Path):
    junk = tmp_path / "junk.gguf"
    junk.write_text("junk")
    command = [*PROGRAM, "run", "-i", "hello", *(argument.format(junk=junk) for argument in arguments)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert done.stderr.startswith("mistralrs: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
