"""What this machine can hold: every layer tried in a throw-away session, and three attacks from inside it.

A layer that says it is on is not taken at its word: code in the finished sandbox tries to read a file, to connect to
this process and to see it. What gets through counts as a breach.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import socket
import tempfile
from typing import cast

from sandbox import portable
from sandbox.errors import SandboxBroken
from sandbox.policy import SandboxPolicy
from sandbox.process import InterpreterProcess
from sandbox.report import PURPOSES, LayerReport, Purpose
from sandbox.supervision import SessionEnded
from sandbox.workspace import Workspace

_ATTACKS = """
import os, socket
def attempts():
    def read(): open({canary!r}).read()
    def connect(): socket.create_connection(("127.0.0.1", {port}), 2).close()
    def see(): os.kill({pid}, 0)
    for purpose, attack in (("files", read), ("network", connect), ("processes", see)):
        try:
            attack()
            yield purpose
        except OSError:
            pass
list(attempts())
"""


async def describe(policy: SandboxPolicy) -> LayerReport:
    """Return the layers that hold for `policy` on this machine. Raises SandboxBroken when nothing can be started,
    SandboxUnavailable on systems without any walls.

    `LayerReport.refusal` says whether a session under this policy would be refused.
    """
    if policy.mode == "off":
        return LayerReport(policy, ())
    if portable.NEEDED:
        portable.check(policy)
    workspace = await asyncio.to_thread(Workspace.create, None, True)
    try:
        process = await InterpreterProcess.start(policy, workspace)
        try:
            return LayerReport(policy, process.layers, await _breaches(process, policy))
        finally:
            await process.kill()
    finally:
        await asyncio.to_thread(workspace.remove)


async def _breaches(process: InterpreterProcess, policy: SandboxPolicy) -> tuple[Purpose, ...]:
    with contextlib.ExitStack() as cleanup:
        canary = cleanup.enter_context(tempfile.NamedTemporaryFile(prefix="mistralrs-canary-"))
        os.chmod(canary.name, 0o644)
        listener = cleanup.enter_context(socket.create_server(("127.0.0.1", 0)))
        code = _ATTACKS.format(canary=canary.name, port=listener.getsockname()[1], pid=os.getpid())
        try:
            answer = await process.execute(code)
        except SessionEnded as ended:
            raise SandboxBroken(f"the test from inside could not run: {ended}") from ended
    if answer.get("status") != "ok":
        return PURPOSES  # a test that did not run proves nothing
    found = ast.literal_eval(str(answer.get("value")))
    expected = {"network"} if policy.network == "full" else set[str]()
    return tuple(cast(Purpose, purpose) for purpose in found if purpose not in expected)
