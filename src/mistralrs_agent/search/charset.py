"""Which characters the bytes of a page are: servers and pages are often wrong about it."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAID_IN_PAGE = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
_DETECTED_FROM = 100_000


def decoded(body: bytes, charset: str | None) -> str:
    """The text of a body. `charset` is what its server says.

    A byte order mark wins, then UTF-8 where the bytes can hardly be anything else, then what is said, then what is
    likely. Never fails: what is no character becomes a replacement character.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body.decode(name, errors="replace")
    said = _SAID_IN_PAGE.search(body, 0, 2048)
    names = [name for name in (charset, said[1].decode() if said else None) if name]
    if not body.isascii() or not names:
        names.insert(0, "utf-8")
    for name in names:
        if (text := _strictly(body, name)) is not None:
            return text
    from trafilatura.utils import detect_encoding  # slow to import; only when a page is read  # noqa: PLC0415

    for name in detect_encoding(body[:_DETECTED_FROM]):
        if (text := _strictly(body, name)) is not None:
            return text
    return body.decode("cp1252", errors="replace")


def _strictly(body: bytes, name: str) -> str | None:
    try:
        found = codecs.lookup(name).name
        return body.decode("cp1252" if found in ("iso8859-1", "ascii") else found)  # as browsers read these
    except (LookupError, ValueError):
        return None
