"""Packs: many chunks in one object.

The problem: a million small files must not become a million objects, and a put must cost one object, one sync. The
rule: the chunks and tree nodes of one write stand one after another in a pack, and the pack ends with the table of
what it holds, so that a fresh pack needs no other object to be readable.

    pack    "HATHIPK1" | stored chunks, in the order written | table without names (see `tables`)

A pack is written whole from memory: `PACK_BYTES` bounds what an upload holds, and a list of frames can be sent again
when the store fails half-way.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hathi.model.packs import PackRecord
from hathi.storage.chunks.tables import ENTRY, Table, TableBlocks, table_size
from hathi.storage.objects.interface import ObjectStore

MAGIC = b"HATHIPK1"
_BLOCK = 1 << 20  # bytes handed over at a time while a pack is written
EMPTY_PACK_BYTES = len(MAGIC) + table_size(0)
PACK_BYTES = 32 << 20  # a pack is closed when it holds this much; two of them bound an upload's memory


class OpenPack:
    """A pack being filled. Not safe for threads; its packer's lock guards it.

    It stands in pages of its own, which the system provides as they are touched and takes back whole: thousands of
    blocks of odd sizes would leave the heap in fragments.
    """

    def __init__(self, name: str, capacity: int = PACK_BYTES) -> None:
        """capacity: bytes to make room for; more are possible."""
        self.name = name
        self.size = len(MAGIC)  # so far, without the table
        self._buffer = mmap.mmap(-1, capacity, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._buffer[: self.size] = MAGIC
        self._places: dict[bytes, tuple[int, int, int]] = {}  # id -> offset, stored length, length

    def __contains__(self, id: bytes) -> bool:
        return id in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, id: bytes, stored: bytes, length: int) -> None:
        """Append a chunk of `length` bytes, kept as `stored`."""
        end = self.size + len(stored)
        if end > len(self._buffer):
            self._buffer.resize(2 * end)
        self._buffer[self.size : end] = stored
        self._places[id] = (self.size, len(stored), length)
        self.size = end

    def stored(self, id: bytes) -> tuple[bytes, int]:
        """Return the stored bytes of a chunk, and the length of what they stand for."""
        offset, stored, length = self._places[id]
        return self._buffer[offset : offset + stored], length

    def ids(self) -> Iterable[bytes]:
        """Return the ids of its chunks."""
        return self._places.keys()

    def write(self, objects: ObjectStore) -> Table:
        """Store the pack, as blocks that can be sent again, and return the table that ends it. It is full then."""
        packed = [ENTRY.pack(id, 0, *place) for id, place in sorted(self._places.items())]
        table = b"".join(TableBlocks(packed))
        objects.put(self.name, _Blocks(self._buffer, self.size, table))
        return Table(self.name, table, base=self.size)

    def record(self) -> PackRecord:
        """Return what the ledger is told."""
        return PackRecord(self.name, self.size + table_size(len(self._places)), len(self._places))


@dataclass(frozen=True, slots=True)
class _Blocks(Iterable[bytes]):
    """The bytes of a pack, as often as they are asked for, without a second copy of the whole."""

    chunks: mmap.mmap
    size: int
    table: bytes

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self.size, _BLOCK):
            yield self.chunks[start : min(start + _BLOCK, self.size)]
        yield self.table


def read_table(objects: ObjectStore, record: PackRecord) -> Table:
    """Return the table at the end of a pack: one request, since the record tells how long it is."""
    length = table_size(record.chunks)
    start = record.size - length
    return Table(record.name, objects.get(record.name, start, length), base=start)
