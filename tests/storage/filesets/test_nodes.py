"""Nodes are decoded once, are counted whether remembered or not, and are forgotten when there are too many."""

from __future__ import annotations

import pytest

from hathi.storage.chunks.interface import ChunkMissing
from hathi.storage.chunks.scratch import Scratch
from hathi.storage.filesets.node import Node
from hathi.storage.filesets.nodes import Nodes, Overlay, WritableNodes, reading, writing


def leaf(number: int, entries: int = 10) -> Node:
    return Node(0, [b"/%d/%d" % (number, entry) for entry in range(entries)], [b""] * entries, ())


def test_a_node_is_fetched_once_and_counted_each_time(new_store, words):
    store, read, written = new_store(), [], []
    nodes = WritableNodes(store, on_read=read.append, on_write=written.append)
    id = nodes.save(words, leaf(1))
    assert nodes.load(words, id) is nodes.load(words, id)
    assert (store.read, read, written) == ([id], [id, id], [id])


def test_what_is_remembered_is_bounded_and_what_is_in_use_stays(new_store, words):
    store = new_store()
    nodes = WritableNodes(store, remember=100)
    ids = [nodes.save(words, leaf(number)) for number in range(50)]
    for id in ids:
        nodes.load(words, ids[0])
        nodes.load(words, id)
    assert store.read.count(ids[0]) == 1
    assert len(nodes._young) + len(nodes._old) <= 12


def test_one_memory_serves_several_operations(new_store):
    nodes = WritableNodes(new_store())
    assert reading(nodes) is writing(nodes) is nodes
    assert type(reading(new_store())) is Nodes


def test_an_overlay_keeps_its_own_to_itself(new_store):
    store = new_store()
    below = store.put(b"below")
    overlay = Overlay(store)
    own = overlay.put(b"own")
    assert (overlay.get(below), overlay.get(own)) == (b"below", b"own")
    with pytest.raises(ChunkMissing):
        store.get(own)


def test_scratch_returns_what_was_put_into_it():
    scratch = Scratch()
    ids = [scratch.put(data) for data in (b"one", b"", b"three", b"one")]
    assert [scratch.get(id) for id in ids] == [b"one", b"", b"three", b"one"]
    with pytest.raises(ChunkMissing):
        scratch.get(bytes(32))
    scratch.close()
