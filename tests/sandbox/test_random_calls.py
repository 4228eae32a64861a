"""Random calls in one session: every one comes back, the next one works, and the server does not grow."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Result, Session

OpenSession = Callable[..., Awaitable[Session]]
CALLS = int(os.environ.get("SANDBOX_RANDOM_CALLS", "150"))
"""`SANDBOX_RANDOM_CALLS=10000` for a long walk."""
HARMLESS = (
    "x = x + 1 if 'x' in globals() else 0",
    "print('o' * random.randrange(300_000))",
    "import os; os.write(2, bytes(range(256)) * 100)",
    "1 / 0",
    "raise BaseException(chr(0xD800))",
    "import sys; sys.exit(random.randrange(3))",
    "def f(): f()\nf()",
    "(",
    "'x' * 10**6",
    "import threading; threading.Thread(target=print, args=('later',)).start()",
    "import sys; sys.stdout.close()",
    "import sys; sys.stdout = sys.stderr = None",
    "import os; os.dup2(os.open('/dev/null', 1), 1)",
    "import builtins; builtins.print = None",
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "import os\nif os.fork() == 0: raise SystemExit",
    "open('f' + str(random.randrange(9)), 'w').write('x' * random.randrange(10**5))",
    "type('', (), {'__repr__': lambda s: 1 / 0})()",
    "import os; os.chdir('/tmp')",
    "__builtins__",
    "[[]] * 10**5",
)
ENDS_THE_INTERPRETER = (
    "import os; os._exit(random.randrange(256))",
    "import os; os.kill(os.getpid(), random.choice((6, 9, 11, 15)))",
    "import os; os.closerange(3, 2000)",
    "import os\nfor fd in range(3, 1024):\n  try: os.write(fd, os.urandom(64))\n  except OSError: pass",
    "import builtins\nfor name in list(vars(builtins)): delattr(builtins, name)",
)
ENDLESS = ("while True: pass", "import time; time.sleep(1000)", "while True: print('y' * 1000)")
COMMANDS = ("echo a", "exit 3", "kill -9 $$", "cat /dev/zero | head -c 100000", "sleep 1000 &", "\0", "(")


async def random_call(session: Session, draw: random.Random) -> Result | None:
    """Make one call; None when it was cancelled."""
    kind = draw.choices(("harmless", "ending", "endless", "shell", "cancelled"), (80, 4, 2, 10, 4))[0]
    match kind:
        case "harmless":
            return await session.run(f"import random\n{draw.choice(HARMLESS)}")
        case "ending":
            return await session.run(f"import random\n{draw.choice(ENDS_THE_INTERPRETER)}")
        case "endless":
            return await session.run(draw.choice(ENDLESS), timeout_s=0.05)
        case "shell":
            return await session.shell(draw.choice(COMMANDS))
        case _:
            call = asyncio.create_task(session.run(draw.choice(ENDLESS)))
            for _ in range(draw.randrange(5)):
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return None


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


@pytest.mark.usefixtures("whole_sandbox")
async def test_a_session_survives_random_calls_and_the_server_does_not_grow(open_session: OpenSession) -> None:
    session, draw = await open_session(), random.Random(20260)
    await session.run("1")
    descriptors, threads, resident = len(os.listdir("/proc/self/fd")), threading.active_count(), resident_kib()
    for _ in range(CALLS):
        result = await random_call(session, draw)
        if result is not None:
            assert result.status in ("ok", "error", "timeout", "crashed")
            assert len(result.stdout) + len(result.stderr) < 2**20
        session_lost = result is not None and result.state_lost
        if session_lost or draw.random() < 0.05:
            await session.reset()
            assert (await session.run("6 * 7")).value == "42"
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert threading.active_count() <= threads + 8  # those of asyncio, which are kept for the next use
    assert resident_kib() - resident < 64 * 1024
