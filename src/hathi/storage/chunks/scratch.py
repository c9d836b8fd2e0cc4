"""A store for nodes that one writer needs only until it is done, in a temporary file instead of memory."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp

from blake3 import blake3

from hathi.storage.chunks.interface import ChunkMissing
from hathi.storage.objects.interface import StorageRefused


class Scratch:
    """A `NodeStore` that vanishes when it is closed, or with the process. For one thread."""

    def __init__(self) -> None:
        self._places: dict[bytes, tuple[int, int]] = {}
        self._end = 0
        self._file, name = mkstemp(prefix="hathi-run-")
        Path(name).unlink()  # it has no name from here on, and whatever happens nobody has to clean up

    def __repr__(self) -> str:
        return f"Scratch({len(self._places)} nodes, {self._end} bytes)"

    def __contains__(self, id: bytes) -> bool:
        return id in self._places

    def get(self, id: bytes) -> bytes:
        """Return the bytes of a node."""
        if id not in self._places:
            raise ChunkMissing(id)
        offset, length = self._places[id]
        return os.pread(self._file, length, offset)

    def put(self, data: bytes) -> bytes:
        """Keep a node and return its id. Raises StorageRefused when the disk is full."""
        id = blake3(data).digest()
        if id not in self._places:
            try:
                written = os.pwrite(self._file, data, self._end)
            except OSError as error:
                raise StorageRefused("in the temporary folder", error.strerror or str(error)) from error
            if written < len(data):
                raise StorageRefused("in the temporary folder", "no space left")
            self._places[id] = (self._end, len(data))
            self._end += len(data)
        return id

    def close(self) -> None:
        """Give the space back; at most once."""
        os.close(self._file)
