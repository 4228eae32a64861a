"""Frames between server and interpreter: 4 bytes of length, 16 bytes of call nonce, JSON. Never pickle.

Protects the server against endless, malformed or out-of-step frames. It cannot prove that a well-formed answer comes
from our code: the user's code lives in the same process and can say about itself whatever it likes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from json import encoder
from typing import Any

MAX_FRAME_BYTES = 8 * 2**20
NONCE_BYTES = 16
HELLO = bytes(NONCE_BYTES)
"""The nonce of the interpreter's first frame, sent when it is ready."""
PROTOCOL_FAILURE = 71
"""Exit status of the interpreter when the code broke the loop that answers."""
_DECODER = json.JSONDecoder()
HEADER = struct.Struct(f">I{NONCE_BYTES}s")


class BadFrame(Exception):
    """Something arrived that the other side would never send."""


def _writer() -> Callable[[dict[str, Any]], str]:
    """Return what writes JSON: that of `json` in C, made once where it can be.

    `json` makes one for each message, and what that touches would be memory of each session's own.
    """
    make: Any = getattr(encoder, "c_make_encoder", None)
    try:
        pieces = make(None, None, encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True)
    except TypeError:  # a Python without it, or with another one
        return json.JSONEncoder().encode
    return lambda message: "".join(pieces(message, 0))


_write = _writer()


def encode(nonce: bytes, message: dict[str, Any]) -> bytes:
    """Return one frame. Raises BadFrame when it would be longer than `MAX_FRAME_BYTES`."""
    body = _write(message).encode("ascii")
    if len(body) > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return HEADER.pack(len(body), nonce) + body


def decode_header(header: bytes) -> tuple[int, bytes]:
    """Return (length of the body, nonce). Raises BadFrame when the length is over the limit."""
    length, nonce = HEADER.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame announces {length} bytes; the limit is {MAX_FRAME_BYTES}")
    return length, nonce


def decode_body(body: bytes) -> dict[str, Any]:
    """Return the message. Raises BadFrame when it is not a JSON object."""
    try:
        text = body.decode("ascii")
        message, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"a frame is not JSON: {error}") from error
    if end != len(text) or not isinstance(message, dict):
        raise BadFrame("a frame is not a JSON object")
    return message
