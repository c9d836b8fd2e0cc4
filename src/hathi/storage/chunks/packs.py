"""Packs: many chunks in one object.

The problem: a million small files must not become a million objects, and a put must cost one object, one sync. The
rule: the chunks and tree nodes of one write stand one after another in a pack, and the pack ends with the table of
what it holds, so that a fresh pack needs no other object to be readable.

    pack    "HATHIPK1" | stored chunks, in the order written | table without names (see `tables`)

A pack is written whole from memory: `PACK_BYTES` bounds what an upload holds, and a list of frames can be sent again
when the store fails half-way.
"""

from __future__ import annotations

from hathi.model.packs import PackRecord
from hathi.storage.chunks.tables import ENTRY, Table, TableBlocks, table_size
from hathi.storage.objects.interface import ObjectStore

MAGIC = b"HATHIPK1"
PACK_BYTES = 32 << 20  # a pack is closed when it holds this much; two of them bound an upload's memory


class OpenPack:
    """A pack being filled. Not safe for threads; its upload's lock guards it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bytes = len(MAGIC)  # so far, without the table
        self._frames: list[bytes] = [MAGIC]
        self._places: dict[bytes, tuple[int, int, int, int]] = {}  # id -> frame number, offset, stored length, length

    def __contains__(self, id: bytes) -> bool:
        return id in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, id: bytes, stored: bytes, length: int) -> None:
        """Append a chunk of `length` bytes, kept as `stored`."""
        self._places[id] = (len(self._frames), self.bytes, len(stored), length)
        self._frames.append(stored)
        self.bytes += len(stored)

    def stored(self, id: bytes) -> tuple[bytes, int]:
        """Return the stored bytes of a chunk, and the length of what they stand for."""
        frame, _, _, length = self._places[id]
        return self._frames[frame], length

    def table(self) -> Table:
        """Return the table that ends the pack."""
        return Table(self.name, self._table_bytes(), base=self.bytes)

    def write(self, objects: ObjectStore) -> int:
        """Store the pack, table included, as a list of parts that can be sent again; return its size in bytes."""
        return objects.put(self.name, [*self._frames, self._table_bytes()])

    def record(self) -> PackRecord:
        """Return what the ledger is told."""
        return PackRecord(self.name, self.bytes + table_size(len(self._places)), len(self._places))

    def _table_bytes(self) -> bytes:
        packed = [ENTRY.pack(id, 0, *self._places[id][1:]) for id in sorted(self._places)]
        return b"".join(TableBlocks(packed, len(packed)))


def read_table(objects: ObjectStore, record: PackRecord) -> Table:
    """Return the table at the end of a pack: one request, since the record tells how long it is."""
    length = table_size(record.chunks)
    start = record.size - length
    return Table(record.name, objects.get(record.name, start, length), base=start)
