"""Acceptance check A7 over HTTP, in the real sandbox: hostile code gets a clear result and the server lives."""

from __future__ import annotations

import json
import resource
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from server_doubles import PYTHON, code_agent, running, scripted

from engine.chat.scripted import call, text
from mistralrs_agent.agent.agent import Agent
from sandbox import SandboxPolicy

CHAT = "/v1/chat/completions"
LIMITS = SandboxPolicy(timeout_s=60, max_memory_mb=512, max_procs=32)
MODEL_CHARS = 8192
"""The scripted model's context: more than that of one result it never reads."""

PRINT = "print('x' * 100_000_000 + 'END')"
WRITE = """
import os
block = b'y' * 1_000_000
for _ in range(100):
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
"""
CHILDREN = """
import subprocess, sys
subprocess.run([sys.executable, '-c', "import sys; sys.stdout.write('z' * 100_000_000)"])
subprocess.run("echo from a child >&2", shell=True)
"""
FORK_BOMB = """
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(1000)
        children += 1
except OSError as error:
    print(children, "children, then:", error)
"""
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
ATTACKS = {
    "100 MB printed": (PRINT, "success", "characters left out"),
    "100 MB written past Python": (WRITE, "success", "left out"),
    "100 MB by a child process": (CHILDREN, "success", "from a child"),
    "an endless loop": ("while True: pass", "timeout", "variables are kept"),
    "an endless loop that hears nothing": (DEAF, "timeout", "variables of earlier calls are gone"),
    "a fork bomb": (FORK_BOMB, "success", "children, then:"),
    "10 GB of memory": ("kept = bytearray(10_000_000_000)", "error", "MemoryError"),
    "10 GB of memory, piece by piece": (
        "kept = []\nwhile True: kept.append(bytearray(10_000_000))",
        "error",
        "",
    ),
    "the end of the process": ("import os; os._exit(7)", "error", "gone"),
    "a shell that fills the output": ("yes | head -c 100000000; echo END", "success", "END"),
    "a shell fork bomb": ("f() { f | f & }; f; sleep 0.2; echo END", None, ""),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a7_hostile_code_ends_in_a_clear_result_and_the_server_lives(attack):
    code, status, said = ATTACKS[attack]
    shell = "shell" in attack
    hostile = call("mistralrs_shell", {"commands": [code]}) if shell else call(PYTHON, {"code": code})
    limits = replace(LIMITS, timeout_s=1) if status == "timeout" else LIMITS
    agent = code_agent([[hostile], [call(PYTHON, {"code": "6 * 7"})], [text("Still here.")]], limits)
    body = {"messages": "go", "enable_code_execution": True, "enable_shell": True}
    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with _closing(agent), running(agent) as url, httpx.AsyncClient(base_url=url, timeout=100) as client:
        answer = (await client.post(CHAT, json=body)).json()
        assert (await client.get("/health")).status_code == 200
    assert answer["choices"][0]["message"]["content"] == "Still here."

    first, after = (m.content for m in scripted(agent).requests[2].messages if m.role == "tool")
    result = json.loads(first)
    assert status in (None, result["status"])
    assert said in first and len(first) < MODEL_CHARS + 100
    assert result["status"] == "success" or any(map(result.get, ("exception", "notes", "stderr")))
    assert json.loads(after)["result"] == "42"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before < 100_000  # KiB


@asynccontextmanager
async def _closing(agent: Agent) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await agent.close()
