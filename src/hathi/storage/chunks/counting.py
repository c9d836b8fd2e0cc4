"""A node store that counts: "a change of k files writes O(k log n) nodes" becomes a test, with no clock."""

from __future__ import annotations

from hathi.storage.chunks.interface import NodeStore


class CountingNodes:
    """A `NodeStore` that counts what passes. reads, writes: calls so far; bytes_read, bytes_written: their sizes."""

    def __init__(self, inner: NodeStore) -> None:
        self._inner = inner
        self.reads = self.writes = 0
        self.bytes_read = self.bytes_written = 0

    def __repr__(self) -> str:
        return f"CountingNodes({self.reads} reads, {self.writes} writes)"

    def get(self, id: bytes) -> bytes:
        """See `NodeStore`."""
        data = self._inner.get(id)
        self.reads += 1
        self.bytes_read += len(data)
        return data

    def put(self, data: bytes) -> bytes:
        """See `NodeStore`."""
        self.writes += 1
        self.bytes_written += len(data)
        return self._inner.put(data)
