"""Picks from whole pages the passages that answer a query: BM25 to narrow down, embeddings to order."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import EngineError
from mistralrs_agent.search.page import Page

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.embedding import EmbeddingModel

log = logging.getLogger(__name__)

CHUNK_WORDS = 150
"""What MiniLM reads whole: 256 tokens."""
KEPT_BY_BM25 = 20
"""How many passages the embeddings order."""
KEPT_VECTORS = 4096


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a page."""

    page: int
    """Index of its page among those given."""
    position: int
    """0, 1, … inside its page."""
    title: str
    text: str


class Reranker:
    """Orders passages. The embedding model is loaded at the first use; without one, BM25 decides alone."""

    def __init__(self, embedding_model: str | None) -> None:
        """`embedding_model`: a name that `EmbeddingModel.load` takes; None: BM25 only."""
        self._name = embedding_model
        self._model: EmbeddingModel | None = None
        self._loading = asyncio.Lock()
        self._vectors: dict[str, NDArray[np.float32]] = {}
        """Of passages seen lately: the pages of one search are often those of the next."""

    async def rank(self, query: str, pages: Sequence[Page]) -> list[Chunk]:
        """The passages of the pages, best first: embeddings order the best, word statistics those behind them."""
        chunks = [chunk for n, page in enumerate(pages) for chunk in split(n, page)]
        ranked = Words(chunks).ranked(query)
        model = await self.load()
        if model is None or not ranked:
            return ranked
        best = await asyncio.to_thread(self._by_similarity, model, query, ranked[:KEPT_BY_BM25])
        return [*best, *ranked[KEPT_BY_BM25:]]

    async def load(self) -> EmbeddingModel | None:
        """Make the embedding model ready, once; None when there is none, which is said in the log."""
        async with self._loading:
            if self._model is None and self._name is not None:
                try:
                    self._model = await asyncio.to_thread(_load_model, self._name)
                except EngineError as error:
                    log.warning("search results are ranked by word statistics alone: %s", error)
                    self._name = None
            return self._model

    def _by_similarity(self, model: EmbeddingModel, query: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        texts = [f"{chunk.title}\n{chunk.text}" for chunk in chunks]
        vectors = {text: vector for text in texts if (vector := self._vectors.get(text)) is not None}
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        vectors.update(zip(new, model.embed(new), strict=True))
        if len(self._vectors) + len(new) > KEPT_VECTORS:
            self._vectors.clear()
        self._vectors.update(vectors)
        wanted = model.embed([query], "query")[0]
        return sorted(chunks, key=lambda chunk: -float(vectors[f"{chunk.title}\n{chunk.text}"] @ wanted))


def split(page_index: int, page: Page) -> list[Chunk]:
    """Cut a page into passages of at most `CHUNK_WORDS` words, at line ends where possible."""
    chunks: list[list[str]] = [[]]
    words_in_last = 0
    for line in page.text.splitlines():
        words = line.split()
        for start in range(0, len(words), CHUNK_WORDS):
            piece = words[start : start + CHUNK_WORDS]
            if words_in_last + len(piece) > CHUNK_WORDS:
                chunks.append([])
                words_in_last = 0
            chunks[-1].append(" ".join(piece))
            words_in_last += len(piece)
    return [Chunk(page_index, n, page.title, "\n".join(lines)) for n, lines in enumerate(chunks) if lines]


class Words:
    """Word statistics of passages: ranks them for a query by BM25 (Robertson et al., Okapi at TREC-3)."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self._counts = [Counter(_words(f"{chunk.title} {chunk.text}")) for chunk in chunks]
        self._lengths = [count.total() for count in self._counts]
        self._mean_length = sum(self._lengths) / max(1, len(chunks)) or 1.0

    def ranked(self, query: str, k1: float = 1.2, b: float = 0.75) -> list[Chunk]:
        """All passages, the ones that share the rarest words with the query first; ties keep their order."""
        weights: dict[str, float] = {}
        for term in set(_words(query)):
            holders = sum(term in count for count in self._counts)
            weights[term] = math.log(1 + (len(self._counts) - holders + 0.5) / (holders + 0.5))

        def score(position: int) -> float:
            count, norm = self._counts[position], k1 * (1 - b + b * self._lengths[position] / self._mean_length)
            return sum(weight * count[term] * (k1 + 1) / (count[term] + norm) for term, weight in weights.items())

        order = sorted(range(len(self._counts)), key=lambda position: -score(position))
        return [self._chunks[position] for position in order]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _load_model(name: str) -> EmbeddingModel:
    from engine.embedding import EmbeddingModel  # imports torch; only when someone searches  # noqa: PLC0415

    return EmbeddingModel.load(name, fast=True)
