"""Picks from whole pages the passages that answer a query: BM25 narrows down, BM25 and embeddings order together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import EngineError
from mistralrs_agent.search.page import Page
from mistralrs_agent.search.words import Words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.embedding import EmbeddingModel

log = logging.getLogger(__name__)

CHUNK_WORDS = 100
"""MiniLM reads 256 tokens. Of passages of 150 words it would not see the end of four in ten, in reference texts."""
KEPT_BY_BM25 = 100
"""How many passages are embedded."""
FUSION_OFFSET = 60
EMBEDDING_WEIGHT = 2.0
"""A place among the embeddings counts this much more than one by words."""
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

    @property
    def titled(self) -> str:
        return f"{self.title}\n{self.text}"


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
        """The passages of the pages, best first."""
        ranked = await asyncio.to_thread(_by_words, query, pages)
        model = await self.load()
        if model is None or not ranked:
            return ranked
        best = await asyncio.to_thread(self._fused, model, query, ranked[:KEPT_BY_BM25])
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

    def _fused(self, model: EmbeddingModel, query: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Reciprocal rank fusion (Cormack, Clarke, Büttcher, 2009) of the order given with that of the embeddings."""
        alike = self._similarities(model, query, chunks)
        by_embedding = sorted(range(len(chunks)), key=lambda place: -alike[place])
        scores = [1 / (FUSION_OFFSET + place) for place in range(len(chunks))]
        for rank, place in enumerate(by_embedding):
            scores[place] += EMBEDDING_WEIGHT / (FUSION_OFFSET + rank)
        return [chunks[place] for place in sorted(range(len(chunks)), key=lambda place: -scores[place])]

    def _similarities(self, model: EmbeddingModel, query: str, chunks: Sequence[Chunk]) -> list[float]:
        texts = [chunk.titled for chunk in chunks]
        vectors = {text: vector for text in texts if (vector := self._vectors.get(text)) is not None}
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        vectors.update(zip(new, model.embed(new), strict=True))
        if len(self._vectors) + len(new) > KEPT_VECTORS:
            self._vectors.clear()
        self._vectors.update(vectors)
        wanted = model.embed([query], "query")[0]
        return [float(vectors[text] @ wanted) for text in texts]


def _by_words(query: str, pages: Sequence[Page]) -> list[Chunk]:
    chunks = [chunk for n, page in enumerate(pages) for chunk in split(n, page)]
    return [chunks[position] for position in Words([chunk.titled for chunk in chunks]).ranked(query)]


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


def _load_model(name: str) -> EmbeddingModel:
    from engine.embedding import EmbeddingModel  # imports torch; only when someone searches  # noqa: PLC0415

    return EmbeddingModel.load(name, fast=True)
