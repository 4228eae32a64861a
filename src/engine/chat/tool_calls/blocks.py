"""Drives the reading of one reply: text, blocks of calls that markers begin, and calls that begin the reply itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.chat.tool_calls.base import Piece
from engine.chat.tool_calls.source import WHITE, NotACall, Reader, ReplySource

ReadBlock = Callable[[ReplySource], Reader]
"""Reads what follows an opener; raises NotACall when that is no call, and may do so after some calls."""


class ReaderParser:
    """A `ToolCallParser` around a reader of the whole reply."""

    def __init__(self, read: ReadBlock) -> None:
        self._source = ReplySource()
        self._run = read(self._source)

    def feed(self, text: str) -> list[Piece]:
        self._source.text += text
        return self._go_on()

    def finish(self) -> list[Piece]:
        self._source.ended = True
        return self._go_on()

    def _go_on(self) -> list[Piece]:
        next(self._run, None)
        pieces, self._source.pieces = self._source.pieces, []
        return pieces


def block_parser(
    openers: Mapping[str, ReadBlock], bare: Mapping[str, ReadBlock] | None = None, closers: tuple[str, ...] = ()
) -> ReaderParser:
    """`openers`: marker → reader of the block after it. `bare`: begin of the whole reply → reader of the block that
    starts with it. White space between text and a block belongs to neither; a begun closer after calls is dropped.
    """

    def read(source: ReplySource) -> Reader:
        if bare:
            yield from source.skip()
            if opener := (yield from source.peek(*bare)):
                yield from _block(source, bare[opener], 0)
            source.rewind()
        while opener := (yield from source.text_before(*openers)):
            yield from _block(source, openers[opener], len(opener))
        rest = source.text.strip(WHITE + "[],;")
        if not source.calls or not any(marker.startswith(rest) for marker in (*openers, *closers, "")):
            source.say(source.text)

    return ReaderParser(read)


def _block(source: ReplySource, read: ReadBlock, opener_length: int) -> Reader:
    """Read the block whose opener comes next, after white space; that is told as text if no call follows."""
    yield from source.skip()
    source.at += opener_length
    before, calls = source.text[: source.at], source.calls
    try:
        yield from read(source)
        source.mark()
    except NotACall:
        source.rewind()
        if source.calls == calls:
            source.say(before)
            source.at = len(before)
            source.mark()
