"""Hostile code, tried inside and, where that is safe, outside.

Each attack ends in an expression that is True when it got through. Outside (mode `off`) it must get through, or it
proves nothing; inside it must not.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import Session

OpenSession = Callable[..., Awaitable[Session]]
ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Attack:
    """Code with `{place}` holders filled by the `target` fixture."""

    code: str
    bites: bool = True
    """Can be let loose outside the sandbox on this machine."""


@pytest.fixture
def target() -> Iterator[dict[str, object]]:
    """Things on the host that hostile code would like to reach."""
    home = Path.home()
    with (
        tempfile.TemporaryDirectory(prefix="mistralrs-target-") as directory,
        tempfile.NamedTemporaryFile(dir=home, prefix=".mistralrs-canary-") as canary,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        os.chmod(directory, 0o777)
        canary.write(b"secret")
        canary.flush()
        os.chmod(canary.name, 0o644)
        open_file = Path(directory) / "file"
        open_file.write_text("secret")
        open_file.chmod(0o666)
        named.bind(f"{directory}/socket")
        named.listen()
        os.chmod(f"{directory}/socket", 0o777)
        abstract.bind(f"\0mistralrs-{os.getpid()}")
        abstract.listen()
        yield {
            "directory": directory,
            "file": str(open_file),
            "canary": canary.name,
            "port": listener.getsockname()[1],
            "socket": f"{directory}/socket",
            "abstract": f"mistralrs-{os.getpid()}",
            "pid": os.getpid(),
        }


def syscall(name: str, *arguments: object) -> str:
    """Code that makes a system call and is True when it succeeds."""
    passed = ", ".join(map(str, arguments))
    return (
        "import ctypes, os, platform\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"number = {NUMBERS[name]}[platform.machine() == 'aarch64']\n"
        f"libc.syscall(number, {passed}) >= 0"
    )


NUMBERS = {
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "process_vm_readv": (310, 270),
    "shmget": (29, 194),
    "personality": (135, 92),
    "mount": (165, 40),
    "clone3": (435, 435),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "chroot": (161, 51),
}
CONNECT = "import socket\ns = socket.socket(socket.{family})\ns.connect({address})\nTrue"

ATTACKS = {
    # files
    "read the shadow file": Attack("len(open('/etc/shadow').read()) > 0", bites=ROOT),
    "read a file in the home of the server": Attack("open({canary!r}).read() == 'secret'"),
    "read a world-readable file": Attack("open({file!r}).read() == 'secret'"),
    "read it through a link": Attack("import os\nos.symlink({file!r}, 'l')\nopen('l').read() == 'secret'"),
    "read it through /proc/self/root": Attack("open('/proc/self/root' + {file!r}).read() == 'secret'"),
    "read it through the root of the first process": Attack(
        "open('/proc/1/root' + {file!r}).read() == 'secret'", bites=False
    ),
    "read it by climbing up": Attack("open('../' * 20 + {file!r}).read() == 'secret'"),
    "write a world-writable file": Attack("open({file!r}, 'w').write('changed') > 0"),
    "make a file in a world-writable directory": Attack("open({directory!r} + '/new', 'w').write('x') > 0"),
    "remove a file": Attack("import os\nos.unlink({file!r})\nTrue"),
    "rename a file": Attack("import os\nos.rename({file!r}, {file!r} + '2')\nTrue"),
    "change a mode": Attack("import os\nos.chmod({file!r}, 0o600)\nTrue", bites=ROOT),
    "change a time": Attack("import os\nos.utime({file!r}, (1, 1))\nTrue", bites=ROOT),
    "see that a file exists": Attack("import os\nos.path.exists({file!r})"),
    "list the home of the server": Attack(
        "import os\nlen(os.listdir(os.path.dirname({canary!r}))) > 0 and "
        "os.path.basename({canary!r}) in os.listdir(os.path.dirname({canary!r}))"
    ),
    "list /tmp of the host": Attack(
        "import os, tempfile\nos.path.basename({directory!r}) in os.listdir('/tmp')",
        bites=tempfile.gettempdir() == "/tmp",
    ),
    "hard-link a file": Attack("import os\nos.link({file!r}, 'l')\nopen('l').read() == 'secret'", bites=False),
    "read a disk": Attack(
        "import os\nany(open('/dev/' + n, 'rb').read(1) for n in ('vda', 'sda', 'nvme0n1', 'kmsg', 'mem') "
        "if os.path.exists('/dev/' + n))",
        bites=False,
    ),
    "make a device": Attack(
        "import os, stat\nos.mknod('d', stat.S_IFBLK | 0o666, os.makedev(254, 0))\nTrue", bites=False
    ),
    "write to the system": Attack("open('/usr/bin/x', 'w').write('x') > 0", bites=False),
    "write to the packages": Attack(
        "import sys, os\nopen(os.path.join(sys.prefix, 'x'), 'w').write('x') > 0", bites=False
    ),
    "write a sysctl": Attack("open('/proc/sys/kernel/core_pattern', 'w').write('x') > 0", bites=False),
    "open a sysctl for writing": Attack(
        "import os\nos.open('/proc/sys/kernel/core_pattern', os.O_WRONLY) > 0", bites=ROOT
    ),
    "run a set-user-id program": Attack(
        "import subprocess\nsubprocess.run(['su', '-c', 'true'], stdin=-3).returncode == 0", bites=ROOT
    ),
    # network
    "connect to a service of the host on 127.0.0.1": Attack(
        CONNECT.format(family="AF_INET", address="('127.0.0.1', {port})")
    ),
    "connect to a socket by path": Attack(CONNECT.format(family="AF_UNIX", address="{socket!r}")),
    "connect to an abstract socket": Attack(CONNECT.format(family="AF_UNIX", address="'\\0' + {abstract!r}")),
    "find a way out": Attack(
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.connect(('192.0.2.1', 9))\nTrue",
        bites=False,
    ),
    "open a netlink socket": Attack("import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)\nTrue"),
    "open a packet socket": Attack("import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)\nTrue", bites=ROOT),
    "open a raw socket": Attack("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\nTrue", bites=ROOT),
    "open a virtual machine socket": Attack("import socket\nsocket.socket(40, socket.SOCK_STREAM)\nTrue", bites=False),
    # processes
    "signal the server": Attack("import os\nos.kill({pid}, 0)\nTrue"),
    "signal its parent": Attack(
        "import os\nparent = os.getppid()\nos.kill(parent, 15)\nimport time\ntime.sleep(0.1)\nos.getppid() != parent",
        bites=False,
    ),
    "kill everything": Attack("import os\nos.kill(-1, 9)\nimport os\nos.path.exists('/proc/{pid}')", bites=False),
    "see processes of the host": Attack(
        "import os\nos.path.exists('/proc/{pid}/status') and 'python' in open('/proc/{pid}/status').read() + 'pytest'"
    ),
    "read the environment of the server": Attack("'PATH' in open('/proc/{pid}/environ').read()"),
    "write to the memory of the first process": Attack("open('/proc/1/mem', 'r+b').seek(0) == 0", bites=False),
    "debug another process": Attack(
        "import ctypes, os, signal\npid = os.fork()\nif pid == 0: signal.pause()\nlibc = ctypes.CDLL(None)\n"
        "got = libc.ptrace(16, pid, 0, 0)\nos.kill(pid, 9)\ngot == 0"
    ),
    "raise its priority": Attack("import os\nos.nice(-5)\nTrue", bites=ROOT),
    "raise its limits": Attack(
        "import resource as r\nr.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY, r.RLIM_INFINITY))\nTrue", bites=ROOT
    ),
    # identity
    "be root": Attack("import os\nos.geteuid() == 0", bites=ROOT),
    "become root": Attack("import os\nos.setuid(0)\nTrue", bites=ROOT),
    "hold capabilities": Attack(
        "int(next(l for l in open('/proc/self/status') if l.startswith('CapBnd')).split()[1], 16) > 0"
    ),
    "gain privileges on exec": Attack("'NoNewPrivs:\\t0' in open('/proc/self/status').read()"),
    # system calls
    "make a user namespace": Attack(syscall("unshare", 0x10000000), bites=False),
    "make a user namespace by clone": Attack(
        "import ctypes, platform\nn = 220 if platform.machine() == 'aarch64' else 56\n"
        "pid = ctypes.CDLL(None).syscall(n, 0x10000011, 0, 0, 0, 0)\nimport os\nos._exit(0) if pid == 0 else pid > 0",
        bites=False,
    ),
    "use clone3": Attack(syscall("clone3", 0, 0) + " or ctypes.get_errno() != 38"),
    "mount": Attack(syscall("mount", "b'tmpfs'", "b'/tmp'", "b'tmpfs'", 0, 0), bites=False),
    "change root": Attack(syscall("chroot", "b'/tmp'"), bites=False),
    "rename the host": Attack(syscall("sethostname", "b'x'", 1), bites=False),
    "handle page faults": Attack(syscall("userfaultfd", 1)),
    "set up io_uring": Attack(syscall("io_uring_setup", 1, "ctypes.create_string_buffer(200)")),
    "make memory files": Attack(syscall("memfd_create", "b'x'", 0)),
    "use the key ring": Attack(syscall("keyctl", 0, -3, 0)),
    "add a key": Attack(syscall("add_key", "b'user'", "b'n'", "b'v'", 1, -3), bites=False),
    "make a System V segment": Attack(syscall("shmget", 0, 4096, 0o1600), bites=False),
    "load a kernel program": Attack(syscall("bpf", 0, 0, 0) + " or ctypes.get_errno() != 1"),
    "count kernel events": Attack(syscall("perf_event_open", 0, 0, 0, 0, 0) + " or ctypes.get_errno() != 1"),
    "read another's memory": Attack(
        syscall("process_vm_readv", "os.getpid()", 0, 0, 0, 0, 0) + " or ctypes.get_errno() != 1"
    ),
    "change personality": Attack(syscall("personality", 0xFFFFFFFF)),
    "open by handle": Attack(syscall("open_by_handle_at", -1, 0, 0) + " or ctypes.get_errno() != 1"),
    "read the kernel log": Attack(syscall("syslog", 10, 0, 0), bites=ROOT),
    "push a key into a terminal": Attack(
        "import fcntl, pty, errno\nm, s = pty.openpty()\nfcntl.ioctl(s, 0x5412, b'x')\nTrue", bites=False
    ),
    # environment
    "find a secret in the environment": Attack("import os\n'MISTRALRS_TEST_SECRET' in os.environ", bites=False),
}


def contents(target: dict[str, object]) -> list[str]:
    return [Path(str(target[name])).read_text() for name in ("canary", "file")]


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.usefixtures("whole_sandbox")
@pytest.mark.asyncio(loop_scope="module")
async def test_an_attack_fails_inside(
    name: str, shared_session: Session, target: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRALRS_TEST_SECRET", "x")
    result = await shared_session.run(ATTACKS[name].code.format(**target))
    assert result.value != "True", result
    assert contents(target) == ["secret", "secret"]
    assert (await shared_session.run("1")).value == "1"


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if attack.bites])
@pytest.mark.asyncio(loop_scope="module")
async def test_the_same_attack_succeeds_outside(name: str, shared_outside: Session, target: dict[str, object]) -> None:
    result = await shared_outside.run(ATTACKS[name].code.format(**target))
    assert result.value == "True", result


async def test_the_environment_holds_nothing_but_what_we_put_there(session: Session) -> None:
    result = await session.run("import os\nsorted(os.environ)")
    assert result.value is not None
    assert set(eval(result.value)) == {
        *("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "MPLBACKEND", "MALLOC_ARENA_MAX"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    }


@pytest.mark.usefixtures("whole_sandbox")
async def test_without_network_there_is_not_even_a_loopback(open_session: OpenSession) -> None:
    session = await open_session(network="none")
    assert "OSError" in ((await session.run("import socket\nsocket.socket()")).exception or "")
    assert (await session.run("import asyncio\nasyncio.run(asyncio.sleep(0, 5))")).value == "5"


@pytest.mark.usefixtures("whole_sandbox")
async def test_with_the_full_network_the_host_is_reachable_and_files_are_not(
    open_session: OpenSession, target: dict[str, object]
) -> None:
    session = await open_session(network="full")
    connect = ATTACKS["connect to a service of the host on 127.0.0.1"].code
    assert (await session.run(connect.format(**target))).value == "True"
    for name in ("read a world-readable file", "connect to a socket by path", "connect to an abstract socket"):
        assert (await session.run(ATTACKS[name].code.format(**target))).value != "True"


@pytest.mark.usefixtures("whole_sandbox")
async def test_two_sessions_do_not_see_each_other(open_session: OpenSession) -> None:
    first, second = await open_session(), await open_session()
    await first.run("open('secret', 'w').write('x')\nimport socket\ns = socket.create_server(('127.0.0.1', 4567))")
    path = str(first.working_directory / "secret")
    assert (await second.run(f"import os\nos.path.exists({path!r})")).value == "False"
    refused = await second.run("import socket\nsocket.create_connection(('127.0.0.1', 4567))")
    assert "ConnectionRefusedError" in (refused.exception or "")


@pytest.mark.usefixtures("whole_sandbox")
async def test_a_link_left_in_place_of_a_temporary_directory_does_not_lead_the_next_start_out(
    open_session: OpenSession, tmp_path: Path
) -> None:
    session = await open_session()
    name = session.workspace.base.name
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    await session.run(f"import os\nos.rename('/tmp/{name}', '/tmp/moved')\nos.symlink({str(outside)!r}, '/tmp/{name}')")
    await session.run("import os\nos._exit(1)")
    assert (await session.run("1")).value == "1"
    assert list(outside.iterdir()) == []
