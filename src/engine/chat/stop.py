"""Stop strings in streamed text, and the holding back of text that may become a marker."""

from __future__ import annotations

from collections.abc import Sequence


def partial_marker(text: str, markers: Sequence[str]) -> int:
    """Length of the longest end of `text` that begins, but is not, one of `markers`; 0 when there is none."""
    longest = max((len(marker) for marker in markers), default=0)
    for length in range(min(longest - 1, len(text)), 0, -1):
        tail = text[len(text) - length :]
        if any(len(marker) > length and marker.startswith(tail) for marker in markers):
            return length
    return 0


class StopStrings:
    """Cuts a reply at the first stop string. The result does not depend on how the text was split."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""

    def push(self, text: str) -> tuple[str, str | None]:
        """Return the text that is safe to show and the stop string that ended the reply, if one did.

        After a match the rest of the text is dropped and nothing more may be pushed.
        """
        if not self._stops:
            return text, None
        text = self._held + text
        ends = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            _, start, stop = min(ends)
            self._held = ""
            return text[:start], stop
        safe = len(text) - partial_marker(text, self._stops)
        self._held = text[safe:]
        return text[:safe], None

    def flush(self) -> str:
        """The reply ended: return what was held back."""
        held, self._held = self._held, ""
        return held
