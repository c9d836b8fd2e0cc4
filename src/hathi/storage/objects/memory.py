"""Objects in a dictionary: the reference implementation, for tests and for whoever needs a store that dies with it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from hathi.storage.objects.interface import ObjectExists, ObjectMissing, blocks, checked


class MemoryStore:
    """An object store that keeps everything in this process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._objects)} objects)"

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """See `ObjectStore`."""
        whole = b"".join(blocks(data))
        with self._lock:
            if self._objects.setdefault(checked(key), whole) != whole:
                raise ObjectExists(key)
        return len(whole)

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore`."""
        whole = self._whole(key)
        return whole[offset:] if length is None else whole[offset : offset + length]

    def size(self, key: str) -> int:
        """See `ObjectStore`."""
        return len(self._whole(key))

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        with self._lock:
            self._objects.pop(checked(key), None)

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore`."""
        with self._lock:
            keys = sorted(key for key in self._objects if key.startswith(prefix))
        return iter(keys)

    def location(self) -> str:
        """See `ObjectStore`."""
        return ""

    def damage(self, key: str, data: bytes) -> None:
        """Replace an object's bytes, as only a broken disk does: for tests and drills."""
        with self._lock:
            self._objects[checked(key)] = data

    def _whole(self, key: str) -> bytes:
        with self._lock:
            whole = self._objects.get(checked(key))
        if whole is None:
            raise ObjectMissing(key)
        return whole
