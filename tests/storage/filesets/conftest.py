"""A store in memory, and names that make small trees high: with ordinary ones only every 256th key begins a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

import pytest
from blake3 import blake3

from hathi.storage.chunks.content import Content
from hathi.storage.chunks.interface import ChunkMissing
from hathi.storage.filesets.node import Schema, height


@dataclass
class MemoryNodes:
    """A node store that joins contents by putting their chunks behind each other."""

    blobs: dict[bytes, bytes] = field(default_factory=dict)
    read: list[bytes] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)

    def get(self, id: bytes) -> bytes:
        self.read.append(id)
        if id not in self.blobs:
            raise ChunkMissing(id)
        return self.blobs[id]

    def put(self, data: bytes) -> bytes:
        id = blake3(data).digest()
        self.written.append(id)
        self.blobs[id] = data
        return id

    def join(self, a: Content, b: Content) -> Content:
        return Content(a.size + b.size, a.chunks + b.chunks)


class Words(Schema):
    """Counts entries and the bytes of their values; uses the slow, general sum."""

    name = "words"
    width = 2

    def measure(self, key: bytes, value: bytes) -> tuple[int, ...]:
        return 1, len(value)


@pytest.fixture(scope="session")
def new_store() -> type[MemoryNodes]:
    return MemoryNodes


@pytest.fixture(scope="session")
def words() -> Words:
    return Words()


def _named(directory: str, wanted: int) -> Iterator[str]:
    """Yield paths in a directory whose height is `wanted`."""
    return (path for number in count() if height((path := f"{directory}/{number:x}").encode()) == wanted)


@pytest.fixture(scope="session")
def pool() -> list[bytes]:
    """64 keys, sorted: 30 of height 0, 20 of height 1, 12 of height 2 and 2 of height 3."""
    heights = {0: 30, 1: 20, 2: 12}
    keys = [path.encode() for wanted, many in heights.items() for path in islice(_named("", wanted), many)]
    return sorted([*keys, b"/bb6d60", b"/19de1bc"])


@pytest.fixture(scope="session")
def paths() -> list[str]:
    """48 paths, sorted, that fall into directories inside each other, collide now and then, and often begin nodes."""
    made = ["/a", "/a-b", "/a-b/c", "/a/b", "/a/b/c", "/a/b-", "/a0", "/b/a", "/b/a/c", "/c.txt", "/b", "/a/b/d"]
    for directory in ("", "/a", "/a/b", "/b", "/a-b", "/b/long name"):
        for wanted in (0, 0, 1, 1, 1, 2):
            made.append(next(path for path in _named(directory, wanted) if path not in made))
    return sorted(made)


@pytest.fixture(scope="session")
def content_of():
    """Make a content that stands for these bytes: a chunk for each of them."""

    def make(data: bytes) -> Content:
        return Content(len(data), tuple((blake3(bytes([byte])).digest(), 1) for byte in data))

    return make
