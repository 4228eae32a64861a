"""Thousands of words to copy: those that the built-in model's tokenizer knows whole, none of them of a held-out prompt."""

from __future__ import annotations

import random
import re
from functools import cache
from importlib.resources import files

from engine.loading.source import resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions

SYLLABLES = ["ba", "be", "bi", "bo", "bra", "bri", "ca", "co", "da", "de", "do", "dra", "el", "en", "fa", "fe", "fi", "fo", "ga", "go", "gra", "ha", "he", "ho", "in", "ja", "jo", "ka", "ki", "ko", "la", "le", "li", "lo", "lu", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "ol", "or", "pa", "pe", "po", "ra", "re", "ri", "ro", "sa", "se", "si", "so", "sta", "ta", "te", "ti", "to", "tra", "ul", "va", "ve", "vi", "wa", "wi", "zo"]  # fmt: skip
ENDINGS = ["dale", "ford", "ham", "ley", "mere", "mont", "port", "ton", "burg", "stead", "wick", "wood", "field", "haven", "more", "ster", "rin", "las", "nor", "dan", "vik", "sen", "mann", "ell", "ard"]  # fmt: skip
SUFFIXES = ["s", "er", "ery", "ers", "ing", "ist", "ists", "ness", "let", "ry", "ling", "dom", "eries", "yard", "house", "shop", "line", "ware"]  # fmt: skip


@cache
def _held_out() -> frozenset[str]:
    """Words of the prompts that the model is judged by."""
    prompts = files("mistralrs_agent").joinpath("evaluation/prompts.tsv").read_text("utf-8")
    return frozenset(re.findall(r"\w+", prompts.lower()))


@cache
def _known() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words and words with a capital, in the order of the vocabulary."""
    tokens = load_tokenizer(resolve(ModelOptions(), lambda line: None)).get_vocab()
    whole = [token[1:] for token, _ in sorted(tokens.items(), key=lambda pair: pair[1]) if token.startswith("Ġ")]
    read = [word for word in whole if word.isascii() and 4 <= len(word) <= 11 and word.lower() not in _held_out()]
    lower = tuple(word for word in read if word.isalpha() and word.islower())
    return lower, tuple(word for word in read if word.isalpha() and word.istitle())


def any_word(rng: random.Random) -> str:
    """Some word. English ones, of which the common come first in a vocabulary and more often, and those made of
    pieces, which the tokenizer does not know whole: they too are copied letter by letter.
    """
    words = _known()[0]
    word = words[int(len(words) * rng.random() ** 1.5)]
    if rng.random() < 0.75:
        return word
    start = "".join(rng.sample(SYLLABLES, rng.choice((2, 2, 3)))) if rng.random() < 0.3 else word
    made = start + rng.choice(SUFFIXES)
    return word if made in _held_out() else made


def any_name(rng: random.Random) -> str:
    """A name that exists, or one made of syllables."""
    if rng.random() < 0.5:
        return rng.choice(_known()[1])
    return ("".join(rng.sample(SYLLABLES, rng.choice((1, 1, 2)))) + rng.choice(ENDINGS)).capitalize()


def any_title(rng: random.Random) -> str:
    """One to three words as a title has them."""
    names = [
        any_word(rng).capitalize() if rng.random() < 0.6 else any_name(rng) for _ in range(rng.choice((1, 2, 2, 3)))
    ]
    return " ".join((*(["The"] if rng.random() < 0.2 else []), *names))


def any_text(rng: random.Random) -> str:
    """A few words in a row."""
    return " ".join(any_word(rng) for _ in range(rng.randint(2, 6)))


def any_code(rng: random.Random) -> str:
    """A number of an order, a room, a part."""
    letters = "".join(rng.choice("ABCDEFGHKLMNPRSTUVXYZ") for _ in range(rng.randint(1, 3)))
    number = str(rng.randrange(10 ** rng.randint(2, 6)))
    return rng.choice(
        (
            f"{letters}-{number}",
            f"{letters}{number}",
            number,
            f"{number}-{letters}",
            f"{letters}-{number}-{rng.randrange(10)}",
        )
    )
