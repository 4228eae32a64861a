"""The plain questions: many, distinct, tidy, and none of those the adapter is compared with the base model on."""

from __future__ import annotations

import re

from training.plain_questions import plain_questions
from training.side_by_side import QUESTIONS

APART = (
    "capital scotland", "capital iceland", "continent morocco", "language brazil", "speak brazil",
    "da vinci", "florence nightingale", "darwin", "romeo juliet", "mona lisa", "telescope", "what honey", "lemonade",
    "tides", "bank does", "a democracy", "taste lemon", "what violin", "snow made", "yawn", "rust iron", "dogs bark",
    "soap clean", "fridge cold", "biggest planet", "largest planet", "gas breathe", "water freeze", "insect legs",
    "how many continents", "opposite of hot", "opposite of early", "another word for big", "synonym big", "courage",
    "'quickly'", "two colours", "story fox", "lines the night", "thank nurse", "potatoes", "learning spanish",
    "i sleep well", "read next", "makes teacher", "walk more", "kindness", "say something cheerful",
)  # fmt: skip
"""Words that together ask a held-out question: no learned question has all of one entry."""


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_there_are_many_distinct_and_tidy_questions():
    known = list(plain_questions())
    assert len(set(known)) >= 8_000
    assert known == list(plain_questions())
    assert not [q for q in known if "{" in q or "}" in q or "  " in q or q != q.strip() or not q]


def test_no_question_of_the_comparison_is_learned():
    learned = {" ".join(words(question)) for question in plain_questions()}
    assert not [question for question in QUESTIONS if " ".join(words(question)) in learned]


def test_no_subject_of_the_comparison_is_asked_for_in_other_words():
    apart = [set(words(entry)) for entry in APART]
    said = {question: set(words(question)) for question in plain_questions()}
    assert not [question for question, its_words in said.items() if any(entry <= its_words for entry in apart)]
