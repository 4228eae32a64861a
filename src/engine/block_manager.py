"""Who holds which block of the KV cache.

A block is exactly one of: *free*, *held* by one or more sequences, or *cached* (held by nobody, its content still
known by hash and evictable, least recently used first). `check` proves it.

Prefix sharing: a full block's identity is a chained digest over the digest of the block before it and its own token
ids (the scheme of vLLM's automatic prefix caching), so equal digests mean equal tokens from the first one on.

Where every layer of a model attends within a window, blocks that nobody can see any more are given up, and a cached
prefix counts as found when the blocks that its last token still sees are there.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Iterable
from collections.abc import Sequence as Items
from dataclasses import dataclass
from hashlib import blake2b

Digest = bytes


def root(salt: str, generation: str) -> Digest:
    """Where the chain of a prompt begins: for whom it was computed, and with which adapter (empty: none)."""
    return blake2b(salt.encode(), digest_size=16, key=bytes.fromhex(generation)).digest()


def chain(parent: Digest, token_ids: Items[int]) -> Digest:
    """Digest of a full block, given the digest of the one before it (`root` for the first)."""
    return blake2b(parent + struct.pack(f"<{len(token_ids)}I", *token_ids), digest_size=16).digest()


@dataclass(slots=True)
class Block:
    holders: int = 0
    digest: Digest | None = None
    """Set once the block is full and its content may be shared."""


class BlockManager:
    """Hands out block ids; never touches a tensor."""

    def __init__(self, num_blocks: int, block_size: int, *, prefix_cache: bool, window: int | None = None) -> None:
        """`window`: how many positions back, itself included, a token sees in the layer that sees farthest."""
        self.block_size = block_size
        self.window = window
        self.prefix_cache = prefix_cache
        self.evictions = 0
        """Cached blocks whose content was given up for another."""
        self._blocks = [Block() for _ in range(num_blocks)]
        self._free = list(range(num_blocks - 1, -1, -1))
        self._cached: OrderedDict[int, None] = OrderedDict()
        """Evictable blocks, least recently used first."""
        self._by_digest: dict[Digest, int] = {}

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

    def first_visible(self, position: int) -> int:
        """Index of the first of a sequence's blocks that the token at `position`, or one after it, can see."""
        return 0 if self.window is None else max(0, position - self.window + 1) // self.block_size

    def acquire_prefix(self, digests: Items[Digest]) -> tuple[int, list[int]]:
        """Hold the longest prefix that is in the cache.

        Returns how many of its leading blocks no later token can see, and the ids of those that follow, in order.
        """
        if not self.prefix_cache:
            return 0, []
        found, index = len(digests), len(digests) - 1
        while index >= self.first_visible(found * self.block_size):
            if digests[index] not in self._by_digest:
                found = index  # whatever is longer would need this block
            index -= 1
        if not found:
            return 0, []
        first = self.first_visible(found * self.block_size)
        block_ids = [self._by_digest[digest] for digest in digests[first:found]]
        self.hold(block_ids)
        return first, block_ids

    def acquire_following(self, digests: Items[Digest]) -> list[int]:
        """Hold the blocks of `digests` up to the first that is not in the cache; returns their ids."""
        block_ids: list[int] = []
        for digest in digests:
            if (block_id := self._by_digest.get(digest)) is None:
                break
            block_ids.append(block_id)
        self.hold(block_ids)
        return block_ids

    def hold(self, block_ids: Iterable[int]) -> None:
        """Add a hold to blocks that are held or cached."""
        for block_id in block_ids:
            block = self._blocks[block_id]
            assert block.holders or block_id in self._cached, f"block {block_id} is free"
            block.holders += 1
            self._cached.pop(block_id, None)

    def allocate(self, count: int) -> list[int] | None:
        """Hold `count` blocks of unknown content, or None (and no change) when there are not enough."""
        if count > self.num_available:
            return None
        return [self._take() for _ in range(count)]

    def share(self, block_id: int, digest: Digest) -> None:
        """Make a held, full block findable under `digest`. The first block of equal content stays the known one."""
        if self.prefix_cache and digest not in self._by_digest:
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

    def condemn(self, block_ids: Iterable[int]) -> None:
        """The content of these held blocks is not to be trusted: nobody finds it any more."""
        for block_id in block_ids:
            assert self.is_held(block_id), f"block {block_id} is not held"
            self._forget(block_id)

    def is_held(self, block_id: int) -> bool:
        return self._blocks[block_id].holders > 0

    def check(self, held: Iterable[int] | None = None) -> None:
        """Raise AssertionError unless every block is exactly one of free, held, cached and every digest is true.

        `held`: what all holders together hold, one entry per hold, where the caller knows it.
        """
        free, cached = set(self._free), set(self._cached)
        holders = Counter({i: block.holders for i, block in enumerate(self._blocks) if block.holders})
        assert len(free) == len(self._free), "a block is twice in the free list"
        assert not (free & cached or free & holders.keys() or cached & holders.keys()), "a block is in two states"
        assert len(free) + len(cached) + len(holders) == self.num_blocks, "a block was lost"
        known = {i: block.digest for i, block in enumerate(self._blocks) if block.digest is not None}
        assert known == {i: d for d, i in self._by_digest.items()}, "digests and blocks disagree"
        assert not free & known.keys(), "a free block is still findable"
        assert cached <= known.keys(), "a cached block cannot be found"
        assert held is None or holders == Counter(held), "holders and holds disagree"

    def _take(self) -> int:
        if self._free:
            block_id = self._free.pop()
        else:
            block_id, _ = self._cached.popitem(last=False)
            self._forget(block_id)
            self.evictions += 1
        self._blocks[block_id].holders = 1
        return block_id

    def _forget(self, block_id: int) -> None:
        digest, self._blocks[block_id].digest = self._blocks[block_id].digest, None
        if digest is not None:
            del self._by_digest[digest]
