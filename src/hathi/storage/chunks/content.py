"""What a file holds: the list of chunks its bytes were cut into.

The problem: a directory of a million small files must not spend much on each, and a file of a terabyte has a million
chunks, which cannot stand in a tree entry. The rule: up to `INLINE_CHUNKS` the list stands in the entry itself; a
longer one stands in blobs, stored like chunks, of `REFS_A_BLOB` references each, and the entry names those. How a list
is kept follows from its length alone, so equal contents are equal values.

The hash is BLAKE3 over the list of (chunk id, length as 8 bytes little-endian), wherever the list stands: the cut is a
pure function of the bytes, so equal bytes have equal hashes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from blake3 import blake3

from hathi.model.errors import InternalError
from hathi.storage.chunks.interface import NodeReader

INLINE_CHUNKS = 32  # about 32 MiB of file; 1.2 KiB of entry
REFS_A_BLOB = 8192  # about 8 GiB of file; 320 KiB of blob, well below what an append rewrites of its last chunk

ChunkRef = tuple[bytes, int]
"""(chunk id: 32 bytes, length of the chunk in bytes)"""

_REF = struct.Struct("<32sQ")
_HEAD = struct.Struct("<BQ")
_INLINE, _LISTED = 0, 1


@dataclass(frozen=True, slots=True)
class ChunkList:
    """A chunk list that stands in blobs. `hash` is the content's, `blobs` are the ids of the blobs in order."""

    hash: bytes
    blobs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds.

    size: in bytes. chunks: all of them, in order, when they are few. listed: else where the list of them stands.
    """

    size: int
    chunks: tuple[ChunkRef, ...] = ()
    listed: ChunkList | None = None

    @property
    def hash(self) -> bytes:
        """32 bytes; equal for equal bytes, whatever the history."""
        if self.listed is not None:
            return self.listed.hash
        return blake3(b"".join(_REF.pack(*ref) for ref in self.chunks)).digest()

    def refs(self, nodes: NodeReader) -> Iterator[ChunkRef]:
        """Yield every chunk in order, reading the list from `nodes` where it stands in blobs."""
        if self.listed is None:
            yield from self.chunks
            return
        for blob in self.listed.blobs:
            yield from _REF.iter_unpack(nodes.get(blob))

    def encode(self) -> bytes:
        """Return the form kept in tree entries: one kind byte, the size, then references or blob ids."""
        if self.listed is None:
            return _HEAD.pack(_INLINE, self.size) + b"".join(_REF.pack(*ref) for ref in self.chunks)
        return _HEAD.pack(_LISTED, self.size) + self.listed.hash + b"".join(self.listed.blobs)

    @classmethod
    def decode(cls, data: bytes) -> Content:
        """Return the content that `encode` gave `data` for."""
        kind, size = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if kind == _INLINE:
            return cls(size, tuple(_REF.iter_unpack(body)))
        if kind == _LISTED:
            ids = tuple(body[at : at + 32] for at in range(0, len(body), 32))
            return cls(size, listed=ChunkList(ids[0], ids[1:]))
        raise InternalError(f"unknown kind of file content: {kind}")


EMPTY_CONTENT = Content(0)


def encoded_size(data: bytes) -> int:
    """Return the size of an encoded content, in bytes; trees ask so for thousands of them."""
    return int.from_bytes(data[1:9], "little")


def encoded_hash(data: bytes) -> bytes:
    """Return the hash of an encoded content: of a short list its very bytes are what is hashed."""
    return blake3(data[_HEAD.size :]).digest() if data[0] == _INLINE else data[_HEAD.size : _HEAD.size + 32]


def chunk_ids(data: bytes) -> list[bytes]:
    """Return the ids of the chunks that an encoded content names itself; none when they are listed in blobs."""
    if data[0] != _INLINE:
        return []
    return listed_chunk_ids(data[_HEAD.size :])


def list_ids(data: bytes) -> list[bytes]:
    """Return the ids of the blobs that list the chunks of an encoded content; none when it names them itself."""
    return [] if data[0] != _LISTED else [data[at : at + 32] for at in range(_HEAD.size + 32, len(data), 32)]


def listed_chunk_ids(blob: bytes) -> list[bytes]:
    """Return the ids of the chunks that a list blob names."""
    return [blob[at : at + 32] for at in range(0, len(blob), _REF.size)]


class ContentBuilder:
    """Collects references into a `Content`, holding no more of a long list than one blob."""

    def __init__(self, put: Callable[[bytes], bytes]) -> None:
        self._put = put
        self._size = 0
        self._pending: list[ChunkRef] = []
        self._blobs: list[bytes] = []
        self._hash = blake3()

    def add(self, ref: ChunkRef) -> None:
        """Append one chunk."""
        self._pending.append(ref)
        self._size += ref[1]
        if len(self._pending) == REFS_A_BLOB:
            self._spill()

    def extend(self, refs: Iterable[ChunkRef]) -> None:
        """Append chunks."""
        for ref in refs:
            self.add(ref)

    def finish(self) -> Content:
        """Return the content; the builder is used up."""
        if not self._blobs and len(self._pending) <= INLINE_CHUNKS:
            return Content(self._size, tuple(self._pending))
        if self._pending:
            self._spill()
        return Content(self._size, listed=ChunkList(self._hash.digest(), tuple(self._blobs)))

    def _spill(self) -> None:
        blob = b"".join(_REF.pack(*ref) for ref in self._pending)
        self._hash.update(blob)
        self._blobs.append(self._put(blob))
        self._pending.clear()
