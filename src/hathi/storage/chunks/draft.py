"""Writing what nobody will ever name: a store over the live chunks whose own are in a temporary file.

An open commit is read by folding its runs into a tree that vanishes with its readers. That needs a place for new nodes
and for the seams of appended files, but no pack and no object.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator

from hathi.storage.chunks.content import Content
from hathi.storage.chunks.joining import join
from hathi.storage.chunks.ranges import read_range
from hathi.storage.chunks.reading import Reader
from hathi.storage.chunks.scratch import Scratch


class Draft:
    """A `NodeStore` over live chunks whose own vanish with its last reference. Thread-safe."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._own = Scratch()
        self._lock = threading.Lock()
        weakref.finalize(self, self._own.close)

    def __repr__(self) -> str:
        return f"Draft({self._own})"

    def get(self, id: bytes) -> bytes:
        """Return a chunk, its own or a live one."""
        return self._own.get(id) if id in self._own else self._reader.get(id)

    def put(self, data: bytes) -> bytes:
        """Keep a chunk until the draft is dropped, even one that is live now: it might not stay so."""
        with self._lock:
            return self._own.put(data)

    def join(self, a: Content, b: Content) -> Content:
        """Return the content of a's bytes followed by b's."""
        return join(self, a, b)

    def read(self, content: Content, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield `length` bytes of a file from `offset`; see `Chunks.read`."""
        return read_range(content, self, lambda refs: (self.get(id) for id, _ in refs), offset, length)
