"""What sentences are filled with: each value as a person writes it and as Python does."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from training.vocabulary import any_name, any_word
from training.words import NAMES, NOUNS, SENTENCES, WORDS

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value."""

    said: str
    code: str


Maker = Callable[[random.Random], Value]


def drawn(rng: random.Random, makers: Mapping[str, Maker]) -> dict[str, Value]:
    """A value for every slot."""
    return {name: make(rng) for name, make in makers.items()}


def grouped(number: float | int, rng: random.Random) -> str:
    """A number with or without separators between thousands."""
    return f"{number:,}" if abs(number) >= 1000 and rng.random() < 0.5 else f"{number}"


def whole(low: int, high: int) -> Maker:
    """An integer; those below a hundred are at times words."""

    def make(rng: random.Random) -> Value:
        number = _spread(rng, low, high)
        if 0 <= number < 100 and rng.random() < (0.15 if number <= 12 else 0.08):
            return Value(_in_words(number), str(number))
        return Value(grouped(number, rng), str(number))

    return make


def _in_words(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")


def digits(low: int, high: int) -> Maker:
    """An integer in digits."""

    def make(rng: random.Random) -> Value:
        number = _spread(rng, low, high)
        return Value(grouped(number, rng), str(number))

    return make


def plain(low: int, high: int) -> Maker:
    """An integer without separators, such as a year."""

    def make(rng: random.Random) -> Value:
        number = str(rng.randint(low, high))
        return Value(number, number)

    return make


def real(low: float, high: float, places: int = 2) -> Maker:
    """A number that often has decimals."""

    def make(rng: random.Random) -> Value:
        number = round(rng.uniform(low, high), rng.choice((0, 1, places)))
        number = int(number) if number == int(number) else number
        return Value(grouped(number, rng), str(number))

    return make


def money(low: float, high: float) -> Maker:
    """An amount, its currency in the sentence or not."""

    def make(rng: random.Random) -> Value:
        number = round(rng.uniform(low, high), rng.choice((0, 0, 2)))
        number = int(number) if number == int(number) else number
        text = f"{number:,.2f}" if isinstance(number, float) else grouped(number, rng)
        if isinstance(number, float) and rng.random() < 0.5:
            text = text.replace(",", "")
        said = rng.choice(("${}", "${}", "€{}", "£{}", "{} dollars", "{} euros", "{} EUR", "{} USD")).format(text)
        return Value(said, str(number))

    return make


def percent(rng: random.Random) -> Value:
    """`17.5 %`, `8%`, `20 percent`."""
    number = rng.choice(
        (rng.randint(1, 99), rng.randint(1, 40), rng.randint(1, 199) / 2, rng.randint(1, 999) / 10, 5, 10)
    )
    number = int(number) if number == int(number) else number
    return Value(f"{number}{rng.choice(('%', '%', '%', ' %', ' percent', ' per cent'))}", str(number))


def chosen(values: str, codes: str | None = None) -> Maker:
    """One of `a|b|c`, with its code beside it."""
    said = values.split("|")
    written = said if codes is None else codes.split("|")

    def make(rng: random.Random) -> Value:
        n = rng.randrange(len(said))
        return Value(said[n], written[n])

    return make


def word(rng: random.Random) -> Value:
    """A word, bare or in quotes."""
    text = any_word(rng) if rng.random() < 0.6 else rng.choice(rng.choice((WORDS, NOUNS)))
    return Value(_quoted(rng, text), repr(text))


def sentence(rng: random.Random) -> Value:
    """A sentence in quotes."""
    text = rng.choice(SENTENCES)
    if rng.random() < 0.5:
        text = " ".join(any_word(rng) for _ in range(rng.randint(2, 7)))
    quote = rng.choice("\"'") if "'" not in text else '"'
    return Value(f"{quote}{text}{quote}", repr(text))


def name(rng: random.Random) -> Value:
    text = any_name(rng) if rng.random() < 0.4 else rng.choice(NAMES)
    return Value(text, repr(text))


def letter(rng: random.Random) -> Value:
    text = rng.choice("aeioutrnslmpcd" if rng.random() < 0.7 else "bfghjkqvwxyz")
    return Value(rng.choice((text, f"'{text}'", f'"{text}"', text.upper() if rng.random() < 0.2 else text)), repr(text))


def numbers(least: int = 4, most: int = 10, low: int = 0, high: int = 99) -> Maker:
    """A list of numbers in one of the ways people write lists."""

    def make(rng: random.Random) -> Value:
        top = 9999 if high == 99 and rng.random() < 0.2 else high
        values: list[float] = [_spread(rng, low, top) for _ in range(rng.randint(least, most))]
        if rng.random() < 0.15:
            values = [round(v + rng.randint(0, 9) / 10, 1) for v in values]
        said = [f"{v:,}" for v in values] if max(values) >= 1000 and rng.random() < 0.4 else [str(v) for v in values]
        return Value(_listed(rng, said), str(values))

    return make


def words(least: int = 3, most: int = 7) -> Maker:
    """A list of words or names."""

    def make(rng: random.Random) -> Value:
        values = rng.sample(rng.choice((WORDS, NOUNS, NAMES)), rng.randint(least, most))
        if rng.random() < 0.5:
            values = [rng.choice((any_word, any_word, any_name))(rng)] + [any_word(rng) for _ in values[1:]]
        return Value(_listed(rng, values), str(values))

    return make


def day(first: int = 1950, last: int = 2030) -> Maker:
    """A date; its code is `date(y, m, d)`."""

    def make(rng: random.Random) -> Value:
        return dated(rng, date(first, 1, 1) + timedelta(days=rng.randrange((last - first + 1) * 365)))

    return make


def dated(rng: random.Random, when: date) -> Value:
    """A date as someone writes it."""
    forms = (
        f"{when.day} {when:%B} {when.year}", f"{when:%B} {when.day}, {when.year}", f"{when:%Y-%m-%d}",
        f"{when:%b} {when.day}, {when.year}", f"{when.day}{_ordinal(when.day)} {when:%B} {when.year}",
        f"{when:%B} {when.day} {when.year}", f"the {when.day}{_ordinal(when.day)} of {when:%B} {when.year}",
    )  # fmt: skip
    return Value(rng.choice(forms), f"date({when.year}, {when.month}, {when.day})")


def clock(rng: random.Random) -> Value:
    """A time of day; its code is `hour, minute`."""
    hour, minute = rng.randrange(24), rng.choice((0, 15, 30, 45, rng.randrange(60)))
    half = f"{(hour - 1) % 12 + 1}:{minute:02} {'am' if hour < 12 else 'pm'}"
    return Value(rng.choice((f"{hour}:{minute:02}", half)), f"{hour}, {minute}")


def _spread(rng: random.Random, low: int, high: int) -> int:
    """Small numbers are more common than large ones."""
    if high - low < 50 or rng.random() < 0.4:
        return rng.randint(low, high)
    return rng.randint(low, low + int((high - low) ** rng.uniform(0.4, 1.0)))


def _quoted(rng: random.Random, text: str) -> str:
    return rng.choice((text, text, f'"{text}"', f"'{text}'"))


def _listed(rng: random.Random, values: list[str]) -> str:
    form = rng.randrange(6)
    if form == 0:
        return f"[{', '.join(values)}]"
    if form == 1:
        return f"{', '.join(values[:-1])} and {values[-1]}"
    if form == 2 and all(" " not in v for v in values):
        return " ".join(values)
    if form == 3 and all("," not in v for v in values):
        return ",".join(values)
    return ", ".join(values)


def _ordinal(number: int) -> str:
    return "th" if 11 <= number <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def same(text: str) -> Value:
    """A value that is written in code as it is said."""
    return Value(text, text)
