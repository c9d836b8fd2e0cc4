"""What the floor above needs of this one: bytes by their hash.

`NodeStore` is all that file sets see. `Upload` is one that also writes, `Chunks` one that only reads.
"""

from __future__ import annotations

from typing import Protocol

from hathi.model.errors import InternalError


class ChunkMissing(InternalError):
    """No live pack holds this chunk, although something refers to it."""

    def __init__(self, id: bytes) -> None:
        super().__init__(f"chunk {id.hex()} is in no live pack")
        self.id = id


class PackDamaged(InternalError):
    """The bytes at this place of an object are not those that were written there."""

    def __init__(self, key: str, offset: int, reason: str) -> None:
        super().__init__(f"object {key} is damaged at offset {offset}: {reason}")
        self.key = key
        self.offset = offset
        self.reason = reason


class NodeReader(Protocol):
    """Reads blobs by their id: BLAKE3 of the bytes, 32 bytes long."""

    def get(self, id: bytes) -> bytes:
        """Return the blob; `ChunkMissing` when no live pack holds it, `PackDamaged` when it is not what was written."""
        ...


class NodeStore(NodeReader, Protocol):
    """Reads and writes blobs by their id; what was put can be read at once through the same object."""

    def put(self, data: bytes) -> bytes:
        """Keep `data` and return its id. Bytes that are stored already are not stored again."""
        ...
