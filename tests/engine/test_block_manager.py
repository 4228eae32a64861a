"""Blocks are free, held or cached, never two of these, whatever happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.block_manager import BlockManager, chain

actions = st.lists(
    st.tuples(st.sampled_from(["allocate", "release", "prefix"]), st.integers(0, 5), st.integers(0, 3)), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(actions)
def test_no_block_is_lost_or_shared_wrongly(steps):
    blocks = BlockManager(12, 4, prefix_cache=True)
    held: list[list[int]] = []
    for action, count, content in steps:
        if action == "allocate":
            got = blocks.allocate(count)
            if got is not None:
                held.append(got)
                digest = bytes([content])
                for i, block in enumerate(got):
                    digest = chain(digest, [content, i])
                    blocks.share(block, digest)
        elif action == "release" and held:
            blocks.release(held.pop(count % len(held)))
        elif action == "prefix":
            digests, digest = [], bytes([content])
            for i in range(count):
                digest = chain(digest, [content, i])
                digests.append(digest)
            held.append(blocks.acquire_prefix(digests))
        blocks.check()
    for group in held:
        blocks.release(group)
    blocks.check()
    assert blocks.num_held == 0


def test_the_least_recently_used_cached_block_is_evicted_first():
    blocks = BlockManager(3, 4, prefix_cache=True)
    one, two, three = (blocks.allocate(1) for _ in range(3))
    for name, group in (("one", one), ("two", two), ("three", three)):
        blocks.share(group[0], name.encode())
        blocks.release(group)
    blocks.release(blocks.acquire_prefix([b"one"]))
    assert blocks.allocate(1) == two
    assert blocks.acquire_prefix([b"two"]) == []
    assert blocks.acquire_prefix([b"one"]) == one


def test_allocating_more_than_there_is_changes_nothing():
    blocks = BlockManager(4, 4, prefix_cache=True)
    assert blocks.allocate(5) is None
    assert blocks.num_available == 4
