"""Splits a reply into what the model thought and what it answered."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.stop import partial_marker


@dataclass(frozen=True, slots=True)
class ReasoningMarkers:
    """What a model writes around its reasoning."""

    start: str
    end: str


KNOWN_MARKERS = (
    ReasoningMarkers("<seed:think>", "</seed:think>"),
    ReasoningMarkers("[THINK]", "[/THINK]"),
    ReasoningMarkers("<think>", "</think>"),
)


def markers_of(template_text: str) -> ReasoningMarkers | None:
    """The pair whose end the template mentions; None when the model is not known to reason."""
    return next((m for m in KNOWN_MARKERS if m.end in template_text or m.start in template_text), None)


def begins_inside(prompt: str, markers: ReasoningMarkers | None) -> bool:
    """Whether the prompt ends in an open block, so that the reply begins as reasoning."""
    return markers is not None and prompt.rstrip().endswith(markers.start)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a reply."""

    text: str
    is_reasoning: bool


class ReasoningSplitter:
    """One reply, as it streams: an optional block of reasoning, then the answer.

    A block that never ends is all reasoning. White space around the markers belongs to neither side. The result
    does not depend on how the text was cut.
    """

    def __init__(self, markers: ReasoningMarkers | None, *, inside: bool = False) -> None:
        """`inside`: the prompt ended in an open block."""
        self._markers = markers
        self._inside = inside
        self._before = markers is not None and not inside
        """Nothing but white space came yet, so a block may still begin."""
        self._trim = inside
        """White space that comes now is dropped."""
        self._held = ""

    def feed(self, text: str) -> list[Part]:
        if self._markers is None:
            return [Part(text, False)] if text else []
        self._held += text
        parts: list[Part] = []
        if self._before:
            self._look_for_start(self._markers.start)
        if self._inside:
            parts += self._think(self._markers.end)
        if not self._inside and not self._before:
            parts += self._answer()
        return parts

    def finish(self) -> list[Part]:
        """The reply ended: return what was held back."""
        held, self._held = self._held, ""
        if self._inside:
            held = held.rstrip()
        return [Part(held, self._inside)] if held else []

    def _look_for_start(self, start: str) -> None:
        text = self._held.lstrip()
        if text.startswith(start):
            self._held = text.removeprefix(start)
            self._before, self._inside, self._trim = False, True, True
        elif not start.startswith(text):
            self._before = False

    def _think(self, end: str) -> list[Part]:
        if self._trim:
            self._held = self._held.lstrip()
        reasoning, found, rest = self._held.partition(end)
        if found:
            self._held = rest
            self._inside, self._trim = False, True
        else:
            reasoning = reasoning[: len(reasoning) - partial_marker(reasoning, (end,))]
        certain = reasoning.rstrip()
        if not found:
            self._held = self._held[len(certain) :]
            self._trim = self._trim and not certain
        return [Part(certain, True)] if certain else []

    def _answer(self) -> list[Part]:
        if self._trim:
            self._held = self._held.lstrip()
            self._trim = not self._held
        return self.finish()
