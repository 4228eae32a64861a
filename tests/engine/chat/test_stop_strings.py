from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.chat.stop import StopStrings


def run(stops: list[str], pieces: list[str]) -> tuple[str, str | None]:
    watcher, shown = StopStrings(stops), ""
    for piece in pieces:
        safe, matched = watcher.push(piece)
        shown += safe
        if matched is not None:
            return shown, matched
    return shown + watcher.flush(), None


def test_text_before_the_stop_is_kept_and_the_stop_is_named():
    assert run(["END"], ["one E", "N", "D two"]) == ("one ", "END")


def test_text_that_may_become_a_stop_is_held_back_until_it_cannot():
    watcher = StopStrings(["</s>"])
    assert watcher.push("a </") == ("a ", None)
    assert watcher.push("b") == ("</b", None)
    assert watcher.push("<") == ("", None)
    assert watcher.flush() == "<"


def test_the_stop_that_is_complete_first_wins():
    assert run(["abc", "b"], ["abc"]) == ("a", "b")
    assert run(["b", "ab"], ["xab"]) == ("x", "ab")


@given(st.lists(st.text("ab<", min_size=1, max_size=3), max_size=3), st.text("ab<x", max_size=12), st.data())
def test_how_the_text_is_split_does_not_matter(stops: list[str], text: str, data: st.DataObject):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert run(stops, pieces) == run(stops, [text]) == run(stops, list(text))
