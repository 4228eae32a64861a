"""Runs cells in one sandbox session as a given user, and prints what came of each; run by `batches.py` as a program.

Root becomes an ordinary user for good. Where the interpreter lies in a directory that only root may enter, that user
is given a private view of the file system in which the way to it is open; nothing else is changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
sys.path.insert(0, str(REPOSITORY))

from sandbox import SandboxPolicy, Session  # noqa: E402
from sandbox.linux import kernel, mounts, seccomp  # noqa: E402

KEPT = ["datagram", "file", "socket"]
SECRET = "".join(("canary-", "in-the-", "environment"))


class Targets:
    """Things on the host that hostile code would like to reach; made anew before each attack."""

    def __init__(self, stack: ExitStack) -> None:
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mistralrs-target-")))
        self.home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mistralrs-home-")))
        tcp = stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=100))
        named = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        datagram = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.directory.chmod(0o777)
        named.bind(f"{self.directory}/socket")
        os.chmod(f"{self.directory}/socket", 0o777)
        datagram.bind(f"{self.directory}/datagram")
        os.chmod(f"{self.directory}/datagram", 0o777)
        abstract.bind(f"\0mistralrs-{os.getpid()}")
        for listener in (named, abstract):
            listener.listen(100)
        self.values: dict[str, object] = {
            "directory": str(self.directory),
            "file": str(self.directory / "file"),
            "home": str(self.home),
            "canary": str(self.home / ".canary"),
            "socket": f"{self.directory}/socket",
            "datagram": f"{self.directory}/datagram",
            "abstract": f"mistralrs-{os.getpid()}",
            "port": tcp.getsockname()[1],
            "address": own_address(),
            "pid": os.getpid(),
            "group": os.getpgrp(),
            "hostname": socket.gethostname(),
            "source": str(REPOSITORY / "sandbox" / "session.py"),
            "guest": str(REPOSITORY / "sandbox" / "guest" / "wire.py"),
        }

    def renew(self) -> None:
        for path in (self.directory / "file", self.home / ".canary"):
            path.write_text("secret")
            path.chmod(0o666)
        for path in self.directory.iterdir():
            if path.name not in KEPT:
                path.unlink()

    def untouched(self) -> bool:
        files = [self.directory / "file", self.home / ".canary"]
        same = all(
            path.exists() and path.read_text() == "secret" and path.stat().st_mode & 0o777 == 0o666 for path in files
        )
        return same and sorted(os.listdir(self.directory)) == KEPT


def own_address() -> str:
    """The address of this machine in its network; loopback where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        try:
            anything.connect(("192.0.2.1", 9))
            return anything.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def open_the_way() -> None:
    """Let every user enter the directories above the interpreter and this repository; in our own view of them."""
    needed = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, REPOSITORY)}
    closed = {str(parent) for path in needed for parent in Path(path).parents if not os.stat(parent).st_mode & 0o001}
    if closed:
        kernel.syscall("unshare", 0x00020000)
        mounts._mount(None, "/", None, mounts.MS_REC | mounts.MS_PRIVATE)
        kept = [(path, mounts._clone(path, 0)) for path in sorted(needed)]
        for top in sorted(closed):
            if os.path.isdir(top):
                mounts._mount("tmpfs", top, "tmpfs", 0, "mode=755")
        for path, source in kept:
            if not os.path.exists(path):
                mounts._attach(source, "", path)


def become(uid: int) -> None:
    """Become an ordinary user."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


async def run_all(rules: dict[str, Any], cases: list[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        targets = Targets(stack)
        async with await Session.open(SandboxPolicy(**rules)) as session:
            await session.run("1")
            report = await session.report()
            told["layers"] = {layer.name: layer not in report.gaps for layer in report.layers}
            for name, code in cases:
                targets.renew()
                result = await session.run(code.replace("TARGET", repr(targets.values)))
                told[name] = {
                    "status": result.status,
                    "value": result.value,
                    "exception": result.exception,
                    "stderr": result.stderr[-500:],
                    "untouched": targets.untouched(),
                    "alive": (await session.run("6 * 7")).value == "42",
                }
    return told


def main() -> None:
    request = json.load(sys.stdin)
    os.environ["MISTRALRS_TEST_SECRET"] = SECRET
    if os.geteuid() == 0:
        open_the_way()
    if request["uid"] is not None:
        become(request["uid"])
    if request["refused"]:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.Filter(seccomp.build(True, kernel.machine_index(), request["refused"])).install()
    print(json.dumps(asyncio.run(run_all(request["rules"], request["cases"]))))


if __name__ == "__main__":
    main()
