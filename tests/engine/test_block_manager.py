"""Who gets which block; `test_scheduler` tries everything in any order."""

from __future__ import annotations

from engine.block_manager import BlockManager


def test_the_least_recently_used_cached_block_is_evicted_first():
    blocks = BlockManager(3, 4, prefix_cache=True)
    one, two, three = (blocks.allocate(1) for _ in range(3))
    for name, group in (("one", one), ("two", two), ("three", three)):
        blocks.share(group[0], name.encode())
        blocks.release(group)
    blocks.release(blocks.acquire_prefix([b"one"])[1])
    assert blocks.allocate(1) == two
    assert blocks.acquire_prefix([b"two"]) == (0, [])
    assert blocks.acquire_prefix([b"one"]) == (0, one)


def test_allocating_more_than_there_is_changes_nothing():
    blocks = BlockManager(4, 4, prefix_cache=True)
    assert blocks.allocate(5) is None
    assert blocks.num_available == 4


def test_condemned_blocks_are_found_by_nobody():
    blocks = BlockManager(2, 4, prefix_cache=True)
    (block,) = blocks.allocate(1)
    blocks.share(block, b"one")
    blocks.condemn([block])
    blocks.release([block])
    blocks.check(held=[])
    assert blocks.acquire_prefix([b"one"]) == (0, [])
