"""The chunks used last, up to a number of bytes. Chunks never change, so none is ever dropped for being out of date."""

from __future__ import annotations

import threading
from collections import OrderedDict

_OVERHEAD = 200  # bytes that an entry costs beside its data


class ChunkCache:
    """A thread-safe map from id to bytes that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        """limit: bytes; what is larger than 1/64 of it is not kept, so that no file pushes out all nodes."""
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ChunkCache({len(self._entries)} chunks, {self._size} of {self._limit} bytes)"

    def get(self, id: bytes) -> bytes | None:
        """Return the chunk if it is here."""
        with self._lock:
            data = self._entries.get(id)
            if data is not None:
                self._entries.move_to_end(id)
            return data

    def put(self, id: bytes, data: bytes) -> None:
        """Keep a chunk, at the cost of others."""
        cost = len(data) + _OVERHEAD
        if cost * 64 > self._limit:
            return
        with self._lock:
            if id in self._entries:
                return
            self._entries[id] = data
            self._size += cost
            while self._size > self._limit:
                _, dropped = self._entries.popitem(last=False)
                self._size -= len(dropped) + _OVERHEAD
