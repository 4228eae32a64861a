from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.chat.reasoning import KNOWN_MARKERS, ReasoningSplitter, begins_inside, markers_of

THINK = markers_of("{{ '<think>' }}")


def split(pieces: list[str], *, inside: bool = False, markers=THINK) -> tuple[str, str]:
    """(reasoning, answer)"""
    splitter = ReasoningSplitter(markers, inside=inside)
    parts = [part for found in [*(splitter.feed(p) for p in pieces), splitter.finish()] for part in found]
    return "".join(p.text for p in parts if p.is_reasoning), "".join(p.text for p in parts if not p.is_reasoning)


def test_a_block_at_the_start_is_reasoning():
    assert split(["<think>\nLet me ", "see.\n</thi", "nk>\n\nIt is 3.\n"]) == ("Let me see.", "It is 3.\n")


def test_a_reply_to_a_prompt_that_opened_the_block_begins_inside_it():
    assert begins_inside("<|im_start|>assistant\n<think>\n", THINK)
    assert not begins_inside("<think>\n\n</think>\n\n", THINK)
    assert split(["see.</think>", "3"], inside=True) == ("see.", "3")


def test_a_block_that_never_ends_is_reasoning():
    assert split(["<think>on and <", "/thin"]) == ("on and </thin", "")


def test_an_empty_block_leaves_only_the_answer():
    assert split(["<think>\n\n</think>\n\n3"]) == ("", "3")


def test_markers_later_in_the_answer_are_text():
    text = "Write <think> to think </think>."
    assert split([text]) == ("", text)


def test_other_models_have_other_markers():
    assert markers_of("{{ '[THINK]' }}").end == "[/THINK]"
    assert markers_of("<seed:think> and <think>").end == "</seed:think>"
    assert markers_of("no thinking here") is None
    assert split(["<think>x</think>y"], markers=None) == ("", "<think>x</think>y")


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "/think>", " ", "\n", "a", "b"]), max_size=10).map("".join),
    st.booleans(),
    st.sampled_from([None, *KNOWN_MARKERS]),
)
def test_how_the_reply_is_split_does_not_matter(text: str, inside: bool, markers):
    inside = inside and markers is not None
    whole = split([text], inside=inside, markers=markers)
    assert split(list(text), inside=inside, markers=markers) == whole
    if markers is None:
        assert whole == ("", text)
