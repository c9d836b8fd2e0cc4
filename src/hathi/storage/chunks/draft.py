"""Writing what nobody will ever name: a store over the live chunks whose own stay in memory.

An open commit is read by folding its runs into a tree that vanishes with its readers. That needs a place for new nodes
and for the seams of appended files, but no pack, no lease and no object.
"""

from __future__ import annotations

from collections.abc import Iterator

from blake3 import blake3

from hathi.storage.chunks.content import Content
from hathi.storage.chunks.joining import join
from hathi.storage.chunks.ranges import read_range
from hathi.storage.chunks.reading import Reader


class Draft:
    """A `NodeStore` in memory over live chunks. Safe to read from any thread while one writes."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._own: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return f"Draft({len(self._own)} chunks)"

    def get(self, id: bytes) -> bytes:
        """Return a chunk, its own or a live one."""
        data = self._own.get(id)
        return self._reader.get(id) if data is None else data

    def put(self, data: bytes) -> bytes:
        """Keep a chunk until the draft is dropped, even one that is live now: it might not stay so."""
        id = blake3(data).digest()
        self._own[id] = data
        return id

    def join(self, a: Content, b: Content) -> Content:
        """Return the content of a's bytes followed by b's."""
        return join(self, a, b)

    def read(self, content: Content, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield `length` bytes of a file from `offset`; see `Chunks.read`."""
        return read_range(content, self, lambda refs: (self.get(id) for id, _ in refs), offset, length)
