"""Which stored chunks are reached: a few bits for each entry of the packs' tables.

The problem: marking must remember every chunk it has seen, of which there may be a hundred million. The rule: a chunk
is remembered as a bit at the position of its entry in the table that says where it is stored, and the tables are mapped
files; so the memory is an eighth of a byte for each chunk and role.

A chunk is marked in one of three roles, each with bits of its own. A file may hold exactly the bytes of a tree node,
and marking it as data must not keep the node from being followed when it is reached as one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from hathi.storage.chunks.tables import ENTRY, Table


class Role(IntEnum):
    """How a chunk is reached."""

    DATA = 0
    """As bytes of a file: it refers to nothing."""
    NODE = 1
    """As the node of a tree."""
    LIST = 2
    """As a list of a large file's chunks."""


@dataclass(slots=True)
class PackUse:
    """What of a pack is reached: so many chunks, which take so many stored bytes with their entries in the table."""

    chunks: int = 0
    size: int = 0


class Marks:
    """The marked chunks among those of some tables. For one thread.

    use: what of each pack is marked. stranded: condemned packs in which marked chunks are that are nowhere else.
    """

    def __init__(
        self,
        tables: Iterable[Table],
        stays: frozenset[str],
        condemned: frozenset[str] = frozenset(),
        safe: Marks | None = None,
    ) -> None:
        """Begin with nothing marked.

        Args:
            tables: where chunks are stored. A chunk may have several entries, of which one counts; the others are
                copies that can go.
            stays: the packs in use.
            condemned: the packs that are about to go. What is in other packs is not there.
            safe: what is marked there counts as marked here.
        """
        # The largest table first: it is the most likely one, and the order decides which of several entries counts.
        self._tables = sorted(tables, key=len, reverse=True)
        self._stays = stays
        self._condemned = condemned
        self._safe = safe
        self._bits = [tuple(bytearray((len(table) + 7) // 8) for _ in Role) for table in self._tables]
        self._foreign: set[tuple[bytes, Role]] = set()
        self.use: dict[str, PackUse] = {}
        self.stranded: set[str] = set()

    def __repr__(self) -> str:
        chunks = sum(use.chunks for use in self.use.values())
        return f"Marks({chunks} of {sum(map(len, self._tables))} chunks)"

    @property
    def memory(self) -> int:
        """Bytes that the bits take."""
        return sum(len(bits) for roles in self._bits for bits in roles)

    def add(self, id: bytes, role: Role) -> bool:
        """Mark a chunk; return whether it was not marked in this role before.

        A chunk without an entry was written after the tables were read. It is in no pack that can be condemned, but
        what it refers to may be, so it is remembered as well.
        """
        if self._safe is not None and self._safe.has(id, role):
            return False
        found = self._entry(id)
        if found is None:
            key = (id, role)
            if key in self._foreign:
                return False
            self._foreign.add(key)
            return True
        table, row, pack, stored = found
        roles = self._bits[table]
        byte, bit = row >> 3, 1 << (row & 7)
        if roles[role][byte] & bit:
            return False
        if not any(bits[byte] & bit for bits in roles):
            use = self.use.setdefault(pack, PackUse())
            use.chunks += 1
            use.size += stored + ENTRY.size
            if pack in self._condemned:
                self.stranded.add(pack)
        roles[role][byte] |= bit
        return True

    def has(self, id: bytes, role: Role) -> bool:
        """Return whether a chunk is marked in this role."""
        found = self._entry(id)
        if found is None:
            return (id, role) in self._foreign
        table, row, _, _ = found
        return bool(self._bits[table][role][row >> 3] & 1 << (row & 7))

    def holds(self, id: bytes, pack: str) -> bool:
        """Return whether a chunk is marked, and its copy in this pack is the one that counts."""
        found = self._entry(id)
        if found is None or found[2] != pack:
            return False
        table, row, _, _ = found
        return any(bits[row >> 3] & 1 << (row & 7) for bits in self._bits[table])

    def _entry(self, id: bytes) -> tuple[int, int, str, int] | None:
        """Return the entry of a chunk that counts: table, row, pack and stored length."""
        condemned = None
        for number, table in enumerate(self._tables):
            for row, place in table.rows(id):
                if place.pack in self._stays:
                    return number, row, place.pack, place.stored
                if condemned is None and place.pack in self._condemned:
                    condemned = number, row, place.pack, place.stored
        return condemned
