"""One interpreter behind its walls, seen from the server: started, spoken to, interrupted, ended.

Protects the server from what comes back: frames are bounded and out-of-step ones end the interpreter, output is
capped, waiting never blocks the event loop. When `kill` returns, every process of the session is gone.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from pathlib import Path
from typing import Any, Literal

from sandbox import cgroup, interpreter, launching
from sandbox.errors import SandboxBroken
from sandbox.guest import wire
from sandbox.linux.plan import Plan
from sandbox.output import Pump
from sandbox.policy import SandboxPolicy
from sandbox.report import Layer, LayerReport
from sandbox.supervision import SessionEnded, Supervision
from sandbox.workspace import Workspace

START_TIMEOUT_S = 60.0
KILL_TIMEOUT_S = 5.0
REASON_TIMEOUT_S = 10.0
GUEST = Path(__file__).parent / "guest"


class InterpreterProcess:
    """A running interpreter. Use by one task at a time."""

    def __init__(
        self,
        control: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        supervision: Supervision,
        stdout: Pump,
        stderr: Pump,
        group: cgroup.Group | None,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._control, self._control_writer = control
        self._supervision = supervision
        self._group = group
        self._killing: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, policy: SandboxPolicy, workspace: Workspace) -> InterpreterProcess:
        """Start one; returns when its walls stand and before it has run anything. Raises SandboxBroken."""
        python = await interpreter.find(policy.python)
        interpreter.check_outside(python, workspace.work)
        group, groupless = await asyncio.to_thread(cgroup.for_session, policy, launching.thread_count())
        control, control_inside = socket.socketpair()
        line, line_inside = socket.socketpair()
        stdout, stdout_inside = os.pipe()
        stderr, stderr_inside = os.pipe()
        passed = (control_inside.fileno(), line_inside.fileno(), stdout_inside, stderr_inside)
        try:
            launching.launch(python, _plan(policy, workspace, python, group), passed)
        except BaseException:
            if group is not None:
                group.remove()
            for end in (control, line):
                end.close()
            for fd in (stdout, stderr):
                os.close(fd)
            raise
        finally:
            for end in (control_inside, line_inside):
                end.close()
            for fd in (stdout_inside, stderr_inside):
                os.close(fd)
        supervision = Supervision(line)
        process = cls(await asyncio.open_connection(sock=control), supervision, Pump(stdout), Pump(stderr), group)
        try:
            await process._wait_until_ready()
            supervision.layers += () if groupless is None else (groupless,)
        except BaseException:
            await process.kill()
            raise
        return process

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The walls around this process."""
        return self._supervision.layers

    @property
    def ended(self) -> asyncio.Future[str]:
        """Why the interpreter ended, as soon as it has."""
        return self._supervision.ended

    def report(self, policy: SandboxPolicy) -> LayerReport:
        """Return the layers around this very process."""
        return LayerReport(policy, self.layers)

    async def execute(self, code: str, kind: Literal["code", "shell"] = "code") -> dict[str, Any]:
        """Run one cell or shell command and return the interpreter's answer. Raises SessionEnded."""
        nonce = secrets.token_bytes(wire.NONCE_BYTES)
        try:
            frame = wire.encode(nonce, {kind: code})
        except wire.BadFrame as error:
            return {"status": "error", "exception": f"the code is too long: {error}"}
        self._supervision.tell("R")
        try:
            self._control_writer.write(frame)
            await self._control_writer.drain()
        except OSError as error:
            raise SessionEnded(await self._reason()) from error
        return await self._receive(nonce)

    async def _receive(self, nonce: bytes) -> dict[str, Any]:
        """Return the next frame, which must carry `nonce`. Raises SessionEnded."""
        try:
            length, answered = wire.decode_header(await self._control.readexactly(wire.HEADER.size))
            if answered != nonce:
                raise wire.BadFrame("an answer that nobody asked for")
            return wire.decode_body(await self._control.readexactly(length))
        except wire.BadFrame as error:
            raise SessionEnded(f"the interpreter broke its protocol: {error}") from error
        except (asyncio.IncompleteReadError, OSError) as error:
            raise SessionEnded(await self._reason()) from error

    async def interrupt(self) -> None:
        """Send the interrupt signal to the interpreter; it was delivered when this returns. Raises SessionEnded."""
        await self._supervision.command("I")

    async def end_others(self) -> None:
        """End every process that the code started. Raises SessionEnded."""
        await self._supervision.command("C")

    async def kill(self) -> None:
        """End every process of the session; they are gone when this returns."""
        if self._killing is None:
            self._killing = asyncio.create_task(self._kill())
        await asyncio.shield(self._killing)

    async def _kill(self) -> None:
        self._control_writer.transport.abort()
        own_processes = any(layer.name == "namespaces" and layer.on for layer in self.layers)
        await self._supervision.end(own_processes, KILL_TIMEOUT_S)
        for pump in (self.stdout, self.stderr):
            pump.close()
        if self._group is not None:
            await asyncio.to_thread(self._group.remove)

    async def _wait_until_ready(self) -> None:
        ready, ended = self._supervision.ready, self.ended
        await asyncio.wait([ready, ended], timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise self._broken(
                f"it did not start within {START_TIMEOUT_S:.0f} s" if not ended.done() else ended.result()
            )
        if error := ready.result():
            raise self._broken(error)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._receive(wire.HELLO)
                await self._supervision.built
        except TimeoutError:
            raise self._broken("it did not greet") from None
        except SessionEnded as ended_early:
            raise self._broken(str(ended_early)) from None

    def _broken(self, reason: str) -> SandboxBroken:
        said = self.stderr.take().text().strip()
        return SandboxBroken(f"the sandboxed interpreter could not be started: {reason}. {said}".strip())

    async def _reason(self) -> str:
        """Why the control socket closed: the supervisor knows more, a moment later."""
        try:
            reason = await asyncio.wait_for(asyncio.shield(self.ended), REASON_TIMEOUT_S)
            if self._group is not None and self._group.out_of_memory():
                reason = f"the kernel ended a process of the session for its memory; {reason}"
            return reason
        except TimeoutError:
            return "it closed its connection to the server"


def _plan(
    policy: SandboxPolicy, workspace: Workspace, python: interpreter.Interpreter, group: cgroup.Group | None
) -> Plan:
    return Plan(
        isolated=policy.mode != "off",
        network=policy.network,
        memory_bytes=policy.max_memory_mb * 2**20,
        cpu_s=policy.max_cpu_secs,
        processes=policy.max_procs,
        disk_bytes=policy.max_disk_mb * 2**20,
        uid=workspace.uid,
        gid=workspace.gid,
        workdir=str(workspace.work),
        tmp=str(workspace.tmp),
        stage=str(workspace.stage),
        group="" if group is None else str(group.path),
        readable="\0".join(interpreter.readable_paths(python, GUEST, policy.network)),
    )
