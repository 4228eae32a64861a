"""Messages with descriptors between the processes of a session, each of which reads one or two in its life."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

MAX_BYTES = 128 * 1024
_FDS = tuple(struct.Struct(f"{count}i") for count in range(5))
_read = bytearray(MAX_BYTES)
_ROOM = socket.CMSG_SPACE(_FDS[-1].size)
_PASSES = int(socket.SOL_SOCKET), int(socket.SCM_RIGHTS)


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends; what is sent at one is received whole at the other."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(channel: socket.socket, message: bytes, fds: Sequence[int] = ()) -> None:
    """Send it with copies of the descriptors. Raises OSError."""
    channel.sendmsg([message], [(*_PASSES, _FDS[len(fds)].pack(*fds))] if fds else [])


def receive(channel: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    """Wait for a message; returns it with its descriptors. Empty when the other end is gone. Raises OSError."""
    length, passed, _, _ = channel.recvmsg_into([_read], _ROOM)  # a large new buffer would stir up the whole heap
    return bytes(_read[:length]), _FDS[len(passed[0][2]) // 4].unpack(passed[0][2]) if passed else ()
