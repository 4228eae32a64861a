"""One interpreter behind its walls, seen from the server: started, spoken to, interrupted, ended.

Protects the server from what comes back: frames are bounded and out-of-step ones end the interpreter, output is
capped, waiting never blocks the event loop. When `kill` returns, every process of the session is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import interpreter
from sandbox.errors import SandboxBroken
from sandbox.guest import wire
from sandbox.linux.plan import Plan
from sandbox.output import Pump
from sandbox.policy import SandboxPolicy
from sandbox.report import Layer, LayerReport
from sandbox.workspace import Workspace

START_TIMEOUT_S = 60.0
KILL_TIMEOUT_S = 5.0
HERE = Path(__file__).parent
_BOOT = (
    "import sys,types\n"
    "for name,path in (('sandbox',[]),('sandbox.'+sys.argv[1].rpartition('/')[2],[sys.argv[1]])):\n"
    "    sys.modules[name]=types.ModuleType(name)\n"
    "    sys.modules[name].__path__=path\n"
)
"""Imports one folder of ours, and can import nothing else of ours or of what is installed beside us."""
_LAUNCH = _BOOT + "from sandbox.linux.launcher import main\nmain(sys.argv[2])\n"
_GUEST = _BOOT + "from sandbox.guest.__main__ import main\nmain(int(sys.argv[2]))\n"


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class InterpreterEnded(Exception):
    """The interpreter is gone, or must go, before it answered; the message says why."""


class InterpreterProcess:
    """A running interpreter. Use by one task at a time."""

    def __init__(
        self, launcher: asyncio.subprocess.Process, control: Streams, supervisor: Streams, stdout: Pump, stderr: Pump
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.layers: tuple[Layer, ...] = ()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the interpreter ended, as soon as it has."""
        self._launcher = launcher
        self._control, self._control_writer = control
        self._supervisor, self._supervisor_writer = supervisor
        self._acknowledged: dict[str, asyncio.Event] = {}
        self._listener: asyncio.Task[None] | None = None
        self._killing: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, policy: SandboxPolicy, workspace: Workspace) -> InterpreterProcess:
        """Start one; returns when its walls stand and before it has run anything. Raises SandboxBroken."""
        control, control_inside = socket.socketpair()
        supervisor, supervisor_inside = socket.socketpair()
        stdout, stdout_inside = os.pipe()
        stderr, stderr_inside = os.pipe()
        try:
            plan = await _plan(policy, workspace, control_inside.fileno(), supervisor_inside.fileno())
            launcher = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(HERE / "linux"), plan.to_json()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout_inside,
                stderr=stderr_inside,
                pass_fds=(control_inside.fileno(), supervisor_inside.fileno()),
                env={},
                cwd="/",
                start_new_session=True,
            )
        except BaseException:
            for end in (control, supervisor):
                end.close()
            for fd in (stdout, stderr):
                os.close(fd)
            raise
        finally:
            for end in (control_inside, supervisor_inside):
                end.close()
            for fd in (stdout_inside, stderr_inside):
                os.close(fd)
        streams = await asyncio.open_connection(sock=control), await asyncio.open_connection(sock=supervisor)
        process = cls(launcher, *streams, Pump(stdout), Pump(stderr))
        try:
            await process._wait_until_ready()
        except BaseException:
            await process.kill()
            raise
        return process

    def report(self, policy: SandboxPolicy) -> LayerReport:
        """Return the layers around this very process."""
        return LayerReport(policy, self.layers)

    async def execute(self, code: str) -> dict[str, Any]:
        """Run one cell and return the interpreter's answer. Raises InterpreterEnded."""
        nonce = secrets.token_bytes(wire.NONCE_BYTES)
        try:
            frame = wire.encode(nonce, {"code": code})
        except wire.BadFrame as error:
            return {"status": "error", "exception": f"the code is too long: {error}"}
        try:
            await self._command("R")
            self._control_writer.write(frame)
            await self._control_writer.drain()
        except OSError as error:
            raise InterpreterEnded(await self._reason()) from error
        return await self._receive(nonce)

    async def _receive(self, nonce: bytes) -> dict[str, Any]:
        """Return the next frame, which must carry `nonce`. Raises InterpreterEnded."""
        try:
            length, answered = wire.decode_header(await self._control.readexactly(wire.HEADER.size))
            if answered != nonce:
                raise wire.BadFrame("an answer that nobody asked for")
            return wire.decode_body(await self._control.readexactly(length))
        except wire.BadFrame as error:
            raise InterpreterEnded(f"the interpreter broke its protocol: {error}") from error
        except (asyncio.IncompleteReadError, OSError) as error:
            raise InterpreterEnded(await self._reason()) from error

    async def interrupt(self) -> None:
        """Send the interrupt signal to the interpreter; it was delivered when this returns. Raises InterpreterEnded."""
        await self._command("I")

    async def end_others(self) -> None:
        """End every process that the code started. Raises InterpreterEnded."""
        await self._command("C")

    async def kill(self) -> None:
        """End every process of the session; they are gone when this returns."""
        if self._killing is None:
            self._killing = asyncio.create_task(self._kill())
        await asyncio.shield(self._killing)

    async def _kill(self) -> None:
        for writer in (self._supervisor_writer, self._control_writer):
            writer.transport.abort()
        try:
            await asyncio.wait_for(asyncio.shield(self._launcher.wait()), KILL_TIMEOUT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._launcher.kill()  # its child asked for SIGKILL when it ends, and is pid 1 of the rest
            await self._launcher.wait()
        if self._listener is not None:
            self._listener.cancel()
        if not self.ended.done():
            self.ended.set_result("it was ended")
        for event in self._acknowledged.values():
            event.set()
        for pump in (self.stdout, self.stderr):
            pump.close()

    async def _wait_until_ready(self) -> None:
        try:
            line = await asyncio.wait_for(self._supervisor.readline(), START_TIMEOUT_S)
        except TimeoutError:
            raise SandboxBroken(f"the sandbox did not start within {START_TIMEOUT_S:.0f} s") from None
        message: dict[str, Any] = json.loads(line or '{"error": "the launcher ended"}')
        if message["error"]:
            raise self._broken(message["error"])
        self.layers = tuple(Layer.from_row(row) for row in message["layers"])
        self._listener = asyncio.create_task(self._listen())
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._receive(wire.HELLO)
        except TimeoutError:
            raise self._broken("it did not greet") from None
        except InterpreterEnded as ended:
            raise self._broken(str(ended)) from None

    def _broken(self, reason: str) -> SandboxBroken:
        said = self.stderr.take().text().strip()
        return SandboxBroken(f"the sandboxed interpreter could not be started: {reason}. {said}".strip())

    async def _listen(self) -> None:
        """Take the supervisor's messages until its end."""
        reason = "it ended without a word"
        while line := await self._supervisor.readline():
            match json.loads(line):
                case {"event": "done", "command": command}:
                    self._acknowledged.setdefault(command, asyncio.Event()).set()
                case {"event": "exit", "code": code}:
                    reason = _exit_sentence(code)
                case {"event": "over", "reason": over}:
                    reason = over
                case _:
                    reason = "its supervisor broke its protocol"
                    break
        if not self.ended.done():
            self.ended.set_result(reason)
        for event in self._acknowledged.values():
            event.set()

    async def _command(self, command: str) -> None:
        event = self._acknowledged[command] = asyncio.Event()
        if self.ended.done():
            raise InterpreterEnded(self.ended.result())
        self._supervisor_writer.write(command.encode())
        await event.wait()
        if self.ended.done():
            raise InterpreterEnded(self.ended.result())

    async def _reason(self) -> str:
        """Why the control socket closed: the supervisor knows more, a moment later."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.ended), 1.0)
        except TimeoutError:
            return "it closed its connection to the server"


async def _plan(policy: SandboxPolicy, workspace: Workspace, control_fd: int, supervisor_fd: int) -> Plan:
    python = await asyncio.to_thread(interpreter.find, policy.python)
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
        readable=interpreter.readable_paths(python, HERE / "guest", policy.network),
        executable=python.executable,
        arguments=(python.given, "-I", "-c", _GUEST, str(HERE / "guest"), "{control}"),
        environment=dict(_environment(python, workspace)),
        control_fd=control_fd,
        supervisor_fd=supervisor_fd,
    )


def _environment(python: interpreter.Interpreter, workspace: Workspace) -> Mapping[str, str]:
    """Everything the code finds in its environment: built from nothing, so that no secret of the server is in it."""
    threads = str(min(4, os.cpu_count() or 1))
    return {
        "PATH": f"{os.path.dirname(python.given)}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(workspace.work),
        "LANG": "C.UTF-8",
        "TMPDIR": "{tmp}",
        "XDG_CACHE_HOME": "{tmp}/.cache",
        "MPLCONFIGDIR": "{tmp}/.matplotlib",
        "MPLBACKEND": "Agg",
        "MALLOC_ARENA_MAX": "2",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), threads),
    }


def _exit_sentence(code: int) -> str:
    if code >= 0:
        return f"the interpreter exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the interpreter was ended by {name}"
