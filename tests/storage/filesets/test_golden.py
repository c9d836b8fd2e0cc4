"""What is on disks already must keep its names: borders, nodes, roots and runs are fixed for good.

A failure here means that every stored tree would be written again, and that what old and new commits share would no
longer be recognised: it is a change of format, which needs a new version and a way to read the old one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from blake3 import blake3

from hathi.storage.chunks.content import Content
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.node import EMPTY_ROOT, Node, encode, height
from hathi.storage.filesets.writer import RunWriter

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/filesets/trees.json").read_text())


def content(number: int) -> Content:
    """Return the content of the made-up file of that number."""
    sizes = (number * 7919 % 100_000,) * (1 + number % 3) if number else ()
    return Content(sum(sizes), tuple((blake3(b"%d" % number).digest(), size) for size in sizes))


@pytest.mark.parametrize(("key", "expected"), GOLDEN["heights"].items())
def test_borders(key, expected):
    assert height(key.encode()) == expected


def test_the_empty_root():
    assert EMPTY_ROOT.hex() == GOLDEN["empty_root"]


@pytest.mark.parametrize("vector", GOLDEN["nodes"], ids=lambda vector: f"level {vector['level']}")
def test_nodes(vector):
    keys = [key.encode() for key in vector["keys"]]
    values = [bytes.fromhex(value) for value in vector["values"]]
    node = Node(vector["level"], keys, values, tuple(vector["measures"]))
    assert encode(FILES, node).hex() == vector["bytes"]


@pytest.mark.parametrize("vector", GOLDEN["trees"], ids=lambda vector: f"{vector['files']} files")
def test_trees(new_store, vector):
    store = new_store()
    names = sorted((f"/{number % 10}/file-{number}".encode(), number) for number in range(vector["files"]))
    root = tree.build(FILES, store, ((key, content(number).encode()) for key, number in names))
    assert root.hex() == vector["root"]
    assert tree.range_root(FILES, store, root, b"/3/", b"/30").hex() == vector["directory_3"]
    assert list(tree.measure(FILES, store, root)) == vector["measure"]
    assert len(store.blobs) == vector["nodes"]


def test_runs(new_store):
    store = new_store()
    with RunWriter(store) as writer:
        writer.put("/a", content(1), label="d1")
        writer.put("/b", content(2), append=True, label="d1")
        writer.put("/b", content(3), append=True, label="d2")
        writer.put("/c", content(0))
        writer.delete("/d")
        writer.delete_tree("/e")
        writer.put("/e/f", content(4))
        run = writer.finish()
    assert store.get(run).hex() == GOLDEN["run"]
