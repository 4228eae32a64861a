"""Splits a reply into what the model thought and what it answered."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.stop import partial_marker


@dataclass(frozen=True, slots=True)
class ReasoningMarkers:
    """What a model writes around its reasoning, and around the answer after it."""

    start: str
    end: str
    answer_start: str = ""
    answer_end: str = ""
    sign: str = ""
    """What tells of it in templates that name none of the markers."""

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(m for m in (self.start, self.end, self.answer_start, self.answer_end) if m)


KNOWN_MARKERS = (
    ReasoningMarkers("<seed:think>", "</seed:think>"),
    ReasoningMarkers("[THINK]", "[/THINK]"),
    ReasoningMarkers("<|channel>thought", "<channel|>", sign="<channel|>"),
    ReasoningMarkers("<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ReasoningMarkers("<|inner_prefix|>", "<|inner_suffix|>"),
    ReasoningMarkers("Here is my thought process:", "Here is my response:"),
    ReasoningMarkers("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", "", "[END FINAL RESPONSE]"),
    ReasoningMarkers("<think>", "</think>", "<response>", "</response>", sign="<response>"),
    ReasoningMarkers("<think>", "</think>"),
    ReasoningMarkers("<thinking>", "</thinking>"),
    ReasoningMarkers("<unused94>thought", "<unused95>", sign="<start_of_turn>"),
)


def markers_of(template_text: str) -> ReasoningMarkers | None:
    """The pair the template mentions; None when the model is not known to reason."""
    return next((m for m in KNOWN_MARKERS if any(text in template_text for text in _signs(m))), None)


def _signs(markers: ReasoningMarkers) -> tuple[str, ...]:
    return (markers.sign,) if markers.sign else (markers.start, markers.end)


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
        self._answered = False
        """Some of the answer came, so a marker before it may not."""
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
            parts += self._answer(self._markers)
        return parts

    def finish(self) -> list[Part]:
        """The reply ended: return what was held back."""
        held, self._held = self._held, ""
        if self._inside:
            held = held.rstrip()
        elif self._markers is not None and self._markers.answer_end:
            held = _without(held, self._markers.answer_end)
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

    def _answer(self, markers: ReasoningMarkers) -> list[Part]:
        if not self._answered and markers.answer_start:
            text = self._held.lstrip()
            if text.startswith(markers.answer_start):
                self._held = text.removeprefix(markers.answer_start)
                self._answered = self._trim = True
            elif markers.answer_start.startswith(text):
                return []
        if self._trim:
            self._held = self._held.lstrip()
            self._trim = not self._held
        certain = self._held
        if markers.answer_end:  # it is dropped at the end of the reply only, with the white space around it
            before = _without(certain, markers.answer_end)
            if before == certain:
                before = certain[: len(certain) - partial_marker(certain, (markers.answer_end,))].rstrip()
            certain = before
        self._held = self._held[len(certain) :]
        self._answered = self._answered or bool(certain)
        return [Part(certain, False)] if certain else []


def _without(text: str, end: str) -> str:
    """`text` without the marker it ends with, and the white space around that."""
    return text.rstrip().removesuffix(end).rstrip() if text.rstrip().endswith(end) else text
