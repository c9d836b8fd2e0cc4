"""Merging: what is due, as a value; and small packs made into larger ones.

The problem: each write leaves a pack of its own, so years of small commits would leave a catalogue that nobody can send
and folders that nobody can list; one step must not take long, and a chunk must not be rewritten each time. The rule:
packs have levels by powers of their size. When there are `FAN` of a level, they become one of a higher level, together
with all that are smaller; a pack of half the full size is never touched again. So a chunk is rewritten once a level,
and the number of small packs is logarithmic in the number of writes. Pack indexes are merged likewise (`indexes`).

A merge can be killed at any step: the new pack is durable first; one transaction registers it and marks its sources as
superseded; they are dropped later, and then their objects deleted. What a killed merge leaves is an object that nothing
names, or sources that the next step drops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from hathi.model.packs import IndexRecord, PackRecord
from hathi.storage.chunks.compression import restore
from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.packs import OpenPack
from hathi.storage.chunks.tables import Entry, Table, table_size
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

FAN = 8
"""So many packs of one level are merged into one."""

LEVELS = 5
"""Levels below the full size; the lowest one takes everything that is smaller still (4 KiB, with packs of 32 MiB)."""

_SOURCES = 256  # packs that one merge reads at most

_FRESH_PACKS = 16  # so many settled packs without an index are worth one
_FRESH_CHUNKS = 50_000  # and so are packs with so many chunks: each costs about 400 bytes of memory until then
_GROWTH = 2  # an index is taken along when it has at most this many times the chunks gathered before it


def full_size(pack_bytes: int) -> int:
    """Return from which size on a pack is never merged, where writers close packs of `pack_bytes`."""
    return pack_bytes // 2


@dataclass(frozen=True, slots=True)
class Inventory:
    """What merges are planned from.

    small: packs in use that are not full, oldest first. fresh: packs in use that no index covers. indexes: all.
    """

    small: tuple[PackRecord, ...] = ()
    fresh: tuple[PackRecord, ...] = ()
    indexes: tuple[IndexRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class PackMerge:
    """Packs that are made into one."""

    packs: tuple[PackRecord, ...]

    def __str__(self) -> str:
        total = sum(pack.size for pack in self.packs)
        return f"merge {len(self.packs)} packs of {total} bytes together: {', '.join(p.name for p in self.packs)}"


@dataclass(frozen=True, slots=True)
class IndexMerge:
    """Fresh packs and older indexes that become one index."""

    packs: tuple[PackRecord, ...]
    indexes: tuple[IndexRecord, ...]

    def __str__(self) -> str:
        chunks = sum(pack.chunks for pack in self.packs) + sum(index.chunks for index in self.indexes)
        names = ", ".join([*(pack.name for pack in self.packs), *(index.name for index in self.indexes)])
        return f"index {len(self.packs)} packs with {len(self.indexes)} indexes, {chunks} chunks: {names}"


def plan_merge(inventory: Inventory, pack_bytes: int) -> PackMerge | IndexMerge | None:
    """Return the merge that is due, or None. Pure.

    Packs come first: an index over packs that are about to be merged would be for nothing.
    """
    return _plan_packs(inventory.small, pack_bytes) or _plan_index(inventory, full_size(pack_bytes))


def level_of(size: int, full_bytes: int) -> int:
    """Return the level of a pack that is not full: the highest is `LEVELS - 1`.

    >>> [level_of(size, 16 << 20) for size in (100, 5000, 1 << 20, 15 << 20)]
    [0, 1, 3, 4]
    """
    level = LEVELS - 1
    while level and size * FAN < full_bytes:
        size *= FAN
        level -= 1
    return level


def _plan_packs(small: Sequence[PackRecord], pack_bytes: int) -> PackMerge | None:
    levels: list[list[PackRecord]] = [[] for _ in range(LEVELS)]
    for pack in small:
        levels[level_of(pack.size, full_size(pack_bytes))].append(pack)
    crowded = next((level for level, packs in enumerate(levels) if len(packs) >= FAN), None)
    if crowded is None:
        return None
    taken: list[PackRecord] = []
    total = 0
    for pack in (pack for packs in (levels[crowded], *reversed(levels[:crowded])) for pack in packs):
        if len(taken) < _SOURCES and total + pack.size <= pack_bytes:
            taken.append(pack)
            total += pack.size
    return PackMerge(tuple(taken))


def _plan_index(inventory: Inventory, full_bytes: int) -> IndexMerge | None:
    # Packs of the lower levels are merged soon, and few chunks are in them; so an index over them is not worth it.
    worth = tuple(pack for pack in inventory.fresh if level_of(pack.size, full_bytes) >= LEVELS - 3)
    settled = sum(pack.size >= full_bytes for pack in worth)
    gathered = sum(pack.chunks for pack in worth)
    if settled < _FRESH_PACKS and gathered < _FRESH_CHUNKS:
        return None
    taken: list[IndexRecord] = []
    for index in sorted(inventory.indexes, key=lambda index: index.chunks):
        if index.chunks > _GROWTH * gathered:
            break
        taken.append(index)
        gathered += index.chunks
    return IndexMerge(worth, tuple(taken))


@dataclass(slots=True)
class Copied:
    """What was copied out of some packs.

    records, tables: of the new packs. sources: those that were read. damaged: those that could not be, and were left
    out.
    """

    records: list[PackRecord] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    sources: list[PackRecord] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def copy_packs(
    objects: ObjectStore,
    sources: Iterable[PackRecord],
    key: Callable[[], str],
    pack_bytes: int,
    live: Callable[[Table, int], bool] | None = None,
) -> Copied:
    """Write the chunks of some packs, each once and still compressed, into new packs, and make those durable.

    Every chunk is verified first: a pack that is damaged is left out, so that the damage is found where it happened.

    Args:
        objects: where packs are.
        sources: what is copied, in this order. Memory is one of them and one new pack.
        key: makes the key of a new pack.
        pack_bytes: when a new pack is full.
        live: tells whether entry number n of a source's table is copied; None copies all.
    """
    copied = Copied()
    pack: OpenPack | None = None

    def close(full: OpenPack) -> None:
        copied.tables.append(full.write(objects))
        copied.records.append(full.record())

    for source in sources:
        try:
            chunks = _verified(objects, source, live)
        except (ObjectMissing, PackDamaged):
            copied.damaged.append(source.name)
            continue
        copied.sources.append(source)
        for entry, stored in chunks:
            pack = pack or OpenPack(key(), pack_bytes)
            if entry.id not in pack and not any(any(True for _ in old.find(entry.id)) for old in copied.tables):
                pack.add(entry.id, stored, entry.length)
            if pack.size >= pack_bytes:
                close(pack)
                pack = None
    if pack is not None and len(pack):
        close(pack)
    return copied


def _verified(
    objects: ObjectStore, source: PackRecord, live: Callable[[Table, int], bool] | None
) -> list[tuple[Entry, bytes]]:
    """Return the chunks that are wanted of a pack, as stored, in the order in which they are there."""
    whole = memoryview(objects.get(source.name))
    base = source.size - table_size(source.chunks)
    if len(whole) != source.size:
        raise PackDamaged(source.name, len(whole), f"it has {len(whole)} bytes instead of {source.size}")
    table = Table(source.name, whole[base:], base)
    chunks: list[tuple[Entry, bytes]] = []
    for number, entry in enumerate(table.entries()):
        if live is not None and not live(table, number):
            continue
        stored = bytes(whole[entry.offset : entry.offset + entry.stored])
        try:
            data = restore(stored, entry.length)
        except ValueError as error:
            raise PackDamaged(source.name, entry.offset, str(error)) from error
        if blake3(data).digest() != entry.id:
            raise PackDamaged(source.name, entry.offset, f"chunk {entry.id.hex()} does not have its hash")
        chunks.append((entry, stored))
    chunks.sort(key=lambda chunk: chunk[0].offset)
    return chunks
