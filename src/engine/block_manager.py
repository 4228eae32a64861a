"""Who holds which block of the KV cache.

A block is exactly one of: *free*, *held* by one or more sequences, or *cached* (held by nobody, its content still
known by hash and evictable, least recently used first). `check` proves it.

Prefix sharing: a full block's identity is a chained digest over the digest of the block before it and its own token
ids (the scheme of vLLM's automatic prefix caching), so equal digests mean equal tokens from the first one on.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence as Items
from dataclasses import dataclass
from hashlib import blake2b

Digest = bytes


def chain(parent: Digest, token_ids: Items[int]) -> Digest:
    """Digest of a full block, given the digest of the one before it (a salt for the first)."""
    return blake2b(parent + struct.pack(f"<{len(token_ids)}I", *token_ids), digest_size=16).digest()


@dataclass(slots=True)
class Block:
    holders: int = 0
    digest: Digest | None = None
    """Set once the block is full and its content may be shared."""


class BlockManager:
    """Hands out block ids; never touches a tensor."""

    def __init__(self, num_blocks: int, block_size: int, *, prefix_cache: bool) -> None:
        self.block_size = block_size
        self.lookups = 0
        """Full prompt blocks asked for in the prefix cache."""
        self.hits = 0
        self._blocks = [Block() for _ in range(num_blocks)]
        self._free = list(range(num_blocks - 1, -1, -1))
        self._cached: OrderedDict[int, None] = OrderedDict()
        """Evictable blocks, least recently used first."""
        self._by_digest: dict[Digest, int] = {}
        self._prefix_cache = prefix_cache

    @property
    def num_blocks(self) -> int:
        return len(self._blocks)

    @property
    def num_available(self) -> int:
        """Blocks `allocate` could hand out now."""
        return len(self._free) + len(self._cached)

    @property
    def num_held(self) -> int:
        return self.num_blocks - self.num_available

    def blocks_for(self, num_tokens: int) -> int:
        """How many blocks hold `num_tokens`."""
        return -(-num_tokens // self.block_size)

    def acquire_prefix(self, digests: Items[Digest]) -> list[int]:
        """Hold the longest run of leading blocks that are in the cache; returns their ids in token order."""
        if not self._prefix_cache:
            return []
        found: list[int] = []
        for digest in digests:
            block_id = self._by_digest.get(digest)
            if block_id is None:
                break
            self._hold(block_id)
            found.append(block_id)
        self.lookups += len(digests)
        self.hits += len(found)
        return found

    def allocate(self, count: int) -> list[int] | None:
        """Hold `count` blocks of unknown content, or None (and no change) when there are not enough."""
        if count > self.num_available:
            return None
        return [self._take() for _ in range(count)]

    def share(self, block_id: int, digest: Digest) -> None:
        """Make a held, full block findable under `digest`. The first block of equal content stays the known one."""
        if self._prefix_cache and digest not in self._by_digest:
            assert self._blocks[block_id].holders > 0, "only held blocks become shared"
            self._blocks[block_id].digest = digest
            self._by_digest[digest] = block_id

    def release(self, block_ids: Items[int]) -> None:
        """Give up one hold on each block; later blocks become evictable before earlier ones."""
        for block_id in reversed(block_ids):
            block = self._blocks[block_id]
            assert block.holders > 0, f"block {block_id} is not held"
            block.holders -= 1
            if block.holders:
                continue
            if block.digest is None:
                self._free.append(block_id)
            else:
                self._cached[block_id] = None

    def check(self) -> None:
        """Raise AssertionError unless every block is exactly one of free, held, cached and every digest is true."""
        free, cached = set(self._free), set(self._cached)
        held = {i for i, block in enumerate(self._blocks) if block.holders}
        assert len(free) == len(self._free), "a block is twice in the free list"
        assert not (free & cached or free & held or cached & held), "a block is in two states"
        assert len(free) + len(cached) + len(held) == self.num_blocks, "a block was lost"
        known = {i: block.digest for i, block in enumerate(self._blocks) if block.digest is not None}
        assert known == {i: d for d, i in self._by_digest.items()}, "digests and blocks disagree"
        assert not free & known.keys(), "a free block is still findable"

    def _hold(self, block_id: int) -> None:
        self._blocks[block_id].holders += 1
        self._cached.pop(block_id, None)

    def _take(self) -> int:
        if self._free:
            block_id = self._free.pop()
        else:
            block_id, _ = self._cached.popitem(last=False)
            digest = self._blocks[block_id].digest
            assert digest is not None
            del self._by_digest[digest]
            self._blocks[block_id].digest = None
        self._blocks[block_id].holders = 1
        return block_id
