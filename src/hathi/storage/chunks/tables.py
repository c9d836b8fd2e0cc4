"""Sorted tables of where chunks stand: the end of every pack, and every merged index.

The problem: "where is this chunk?" is asked for each chunk read or written, over tables that may be larger than memory
wants to hold. The rule: fixed-size entries sorted by id, searched in place in O(log n), in bytes that may be a mapped
file; a footer at the very end says how many, and carries a checksum that is verified once, when the table is opened.

Layout (integers little-endian): entries, then names, then the footer.

    entry   id 32 | pack number u32 | offset u64 | stored length u32 | length u32              52 bytes, sorted
    name    length u16 | UTF-8 bytes                     the packs that entries number; none: "the pack this table ends"
    footer  entries u64 | names u32 | bytes of names u32 | BLAKE3 of all before 32 | "HATHIIX1" 56 bytes
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blake3 import blake3

from hathi.storage.chunks.interface import PackDamaged

MAGIC = b"HATHIIX1"
ENTRY = struct.Struct("<32sIQII")
_FOOTER = struct.Struct("<QII32s8s")
_CHECKSUM_AT = 16  # offset in the footer; all before it is covered
_NAME = struct.Struct("<H")
_BLOCK = 1 << 20  # bytes handed over at a time while a table is written

Buffer = bytes | memoryview


class Entry(NamedTuple):
    """Where one chunk stands: `stored` bytes at `offset` of pack number `pack` hold `length` bytes."""

    id: bytes
    pack: int
    offset: int
    stored: int
    length: int


class Location(NamedTuple):
    """Where one chunk stands: `stored` bytes at `offset` of the object `pack` hold `length` bytes."""

    pack: str
    offset: int
    stored: int
    length: int


def table_size(entries: int, names: Sequence[str] = ()) -> int:
    """Return how many bytes a table takes."""
    return entries * ENTRY.size + len(_encode_names(names)) + _FOOTER.size


@dataclass(frozen=True, slots=True)
class TableBlocks:
    """The bytes of a table, made as they are asked for, as often as they are: `put` may have to try again.

    entries: packed entries, sorted; iterated once per attempt.
    """

    entries: Iterable[bytes]
    names: Sequence[str] = ()

    def __iter__(self) -> Iterator[bytes]:
        hasher = blake3()
        block = bytearray()
        count = 0
        for entry in self.entries:
            block += entry
            count += 1
            if len(block) >= _BLOCK:
                hasher.update(block)
                yield bytes(block)
                block.clear()
        names = _encode_names(self.names)
        block += names
        block += struct.pack("<QII", count, len(self.names), len(names))
        hasher.update(block)
        yield bytes(block) + hasher.digest() + MAGIC


class Table:
    """An opened table. Iterating yields packed entries in order."""

    def __init__(self, key: str, buffer: Buffer, base: int = 0) -> None:
        """Open the table that `buffer` is, verifying it. key, base: the object it was read from and at which offset."""
        view = memoryview(buffer)
        if len(view) < _FOOTER.size:
            raise PackDamaged(key, base, f"{len(view)} bytes cannot hold a table")
        at = len(view) - _FOOTER.size
        count, names, names_bytes, checksum, magic = _FOOTER.unpack_from(view, at)
        if magic != MAGIC:
            raise PackDamaged(key, base + len(view) - len(MAGIC), "no table ends here; it was cut short or overwritten")
        if count * ENTRY.size + names_bytes != at:
            raise PackDamaged(key, base + at, "the footer does not fit the size")
        if blake3(view[: at + _CHECKSUM_AT]).digest() != checksum:
            raise PackDamaged(key, base, "the table's checksum does not match")
        self.key = key
        self.names = _decode_names(view[at - names_bytes : at], names) if names else (key,)
        self._view = view
        self._count: int = count

    def __repr__(self) -> str:
        return f"Table({self.key}, {self._count} chunks in {len(self.names)} packs)"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        view = self._view
        for at in range(0, self._count * ENTRY.size, ENTRY.size):
            yield bytes(view[at : at + ENTRY.size])

    def id(self, number: int) -> bytes:
        """Return the chunk id of an entry."""
        return bytes(self._view[number * ENTRY.size : number * ENTRY.size + 32])

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in order of id."""
        for fields in ENTRY.iter_unpack(self._view[: self._count * ENTRY.size]):
            yield Entry(*fields)

    def find(self, id: bytes) -> Iterator[Location]:
        """Yield every place of chunk `id`; several when it was written to several packs."""
        return (place for _, place in self.rows(id))

    def rows(self, id: bytes) -> Iterator[tuple[int, Location]]:
        """Yield the number of each entry of chunk `id` and what it says."""
        view, size = self._view, ENTRY.size
        low, high = 0, self._count
        while low < high:
            middle = (low + high) >> 1
            if bytes(view[middle * size : middle * size + 32]) < id:
                low = middle + 1
            else:
                high = middle
        while low < self._count:
            entry = Entry(*ENTRY.unpack_from(view, low * size))
            if entry.id != id:
                return
            yield low, Location(self.names[entry.pack], entry.offset, entry.stored, entry.length)
            low += 1


def _encode_names(names: Sequence[str]) -> bytes:
    return b"".join(_NAME.pack(len(name.encode())) + name.encode() for name in names)


def _decode_names(data: Buffer, count: int) -> tuple[str, ...]:
    names, at = [], 0
    for _ in range(count):
        (length,) = _NAME.unpack_from(data, at)
        at += _NAME.size
        names.append(bytes(data[at : at + length]).decode())
        at += length
    return tuple(names)
