"""What is kept of the base model's answers."""

from __future__ import annotations

import pytest

from training.base_answers import CUT_OFF, beginning


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("Snow is frozen water. It is white.", "Snow is frozen water. It is white."),
        (f"Snow is frozen water. It falls when{CUT_OFF}", "Snow is frozen water."),
        ("It was written by J. R. Smith. Then Dr. Who came.", "It was written by J. R. Smith. Then Dr. Who came."),
        ("I like the sea. I like the sea. Yes.", "I like the sea."),
        ("I like the sea and I like the sea and the sky.", ""),
        ("You need three things. Here they are:\n1. Salt. You have it.", "You need three things."),
        ("It is a word. " + " ".join(f"w{n}" for n in range(70)) + ".", "It is a word."),
        (" ".join(f"w{n}" for n in range(70)) + ".", ""),
        ("The answer to this question is a classic one.", ""),
        ("Dear [Your Name], I thank you.", ""),
        ("No.", ""),
        ("\N{GLOWING STAR}" * 40 + CUT_OFF, ""),
    ],
)
def test_whole_sentences_are_kept_up_to_a_list_or_a_repetition(answer: str, kept: str):
    assert beginning(answer) == kept
