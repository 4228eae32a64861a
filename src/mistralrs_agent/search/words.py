"""Word statistics of passages: which of them share the rarest words with a question."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

_SAYS_NOTHING = frozenset(
    re.findall(
        r"\w+",
        """
        a an and any are as at be been being but by can could did do does doing done each for from get gets give given
        go had has have having he her here him his how i if in into is it its just let like make may me might more most
        much must my no nor not of off on one only onto or our out over own s same she should so some such t than that
        the their them then there these they this those to too under up us use used using very was we were what when
        where which while who whom whose why will with would you your
        """,
    )
)
"""Words of questions. They are rare in reference texts, and would pass there for the rarest that a question has."""
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", ""))


def terms(text: str) -> list[str]:
    """The words of a text and the parts of its identifiers, without common English endings."""
    return [_stem(word) for word in _words(text)]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


@functools.lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    for ending, instead in _ENDINGS:
        kept = len(word) - len(ending)
        if word.endswith(ending) and kept >= 3 and not word.endswith(("ss", "us", "is")):
            word = word[:kept] + instead
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # stopped, running
    return word


class Words:
    """Ranks texts for a query by BM25 (Robertson et al., Okapi at TREC-3)."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._holders: dict[str, list[tuple[int, int]]] = defaultdict(list)
        """By term: position of a text that has it, and how often."""
        self._lengths: list[int] = []
        for position, text in enumerate(texts):
            counts = Counter(terms(text))
            self._lengths.append(counts.total())
            for term, count in counts.items():
                self._holders[term].append((position, count))

    def scores(self, query: str, k1: float = 1.2, b: float = 0.75) -> list[float]:
        """One a text; 0 for those that share no word with the query."""
        scores = [0.0] * len(self._lengths)
        mean = sum(self._lengths) / max(1, len(scores)) or 1.0
        for term in self._telling(query):
            holders = self._holders.get(term, [])
            weight = math.log(1 + (len(scores) - len(holders) + 0.5) / (len(holders) + 0.5))
            for position, count in holders:
                norm = k1 * (1 - b + b * self._lengths[position] / mean)
                scores[position] += weight * count * (k1 + 1) / (count + norm)
        return scores

    def ranked(self, query: str) -> list[int]:
        """Positions of all texts, the best first; ties keep their order."""
        scores = self.scores(query)
        return sorted(range(len(scores)), key=lambda position: -scores[position])

    @staticmethod
    def _telling(query: str) -> set[str]:
        """The terms of a query that tell something; all of them if none does."""
        telling = {_stem(word) for word in _words(query) if word not in _SAYS_NOTHING}
        return telling or set(terms(query))
