"""Calls between markers, together between two more: what the formats of this kind share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.blocks import ReadBlock, ReaderParser, block_parser
from engine.chat.tool_calls.source import Reader, ReplySource


@dataclass(frozen=True, slots=True)
class Section:
    """The markers of one format."""

    opener: str
    begin: str
    """Before each call."""
    separator: str
    """Inside each call."""
    end: str
    """After each call."""
    closer: str

    @property
    def all(self) -> tuple[str, ...]:
        return self.opener, self.begin, self.separator, self.end, self.closer

    def parser(self, read_call: ReadBlock) -> ReaderParser:
        """`read_call` reads what stands between `begin` and `end`. A call outside a section is one too."""

        def calls(source: ReplySource) -> Reader:
            more = self.begin
            while more:
                yield from read_call(source)
                yield from source.skip()
                yield from source.take(self.end)
                source.mark()
                yield from source.skip()
                more = yield from source.take(self.begin)
            yield from source.take(self.closer)

        def section(source: ReplySource) -> Reader:
            yield from source.skip()
            yield from source.need(self.begin)
            yield from calls(source)

        return block_parser({self.opener: section, self.begin: calls}, closers=(self.closer, self.end))
