"""A chat whose terminal vanishes ends; it neither lives on unseen nor spins."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

from tui.hangup import hangup

CHAT = """
import asyncio, fcntl, signal, termios
if {has_own}:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.{action})
from mistralrs_agent.cli.chat import full_screen
from tests.tui.scripted_conversation import ScriptedConversation
asyncio.run(full_screen(ScriptedConversation(())))
print("left in order", file=open({file!r}, "w"))
"""


@pytest.mark.parametrize("action", ["SIG_DFL", "SIG_IGN"])
@pytest.mark.parametrize("has_own", [True, False], ids=["its own terminal", "somebody else's terminal"])
def test_the_chat_ends_when_its_terminal_vanishes(tmp_path, action, has_own):
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    left = tmp_path / "left"
    chat = subprocess.Popen(
        [sys.executable, "-c", CHAT.format(has_own=has_own, action=action, file=str(left))],
        stdin=screen,
        stdout=screen,
        stderr=screen,
        start_new_session=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "TERM": "xterm-256color"},
    )
    try:
        os.close(screen)
        drawn = b""
        deadline = time.monotonic() + 60
        while b"SmolLM2" not in drawn:
            assert time.monotonic() < deadline, drawn[-500:]
            if select.select([keyboard], [], [], 0.1)[0]:
                drawn += os.read(keyboard, 65536)
        os.close(keyboard)
        assert chat.wait(timeout=20) == 0
        assert left.read_text() == "left in order\n"
    finally:
        chat.kill()


async def test_a_terminal_that_is_there_is_waited_for():
    keyboard, screen = pty.openpty()
    waiting = asyncio.create_task(hangup(screen))
    os.write(keyboard, b"typed\n")
    await asyncio.sleep(1.1)
    assert not waiting.done()
    os.close(keyboard)
    await asyncio.wait_for(waiting, 5)
    os.close(screen)
