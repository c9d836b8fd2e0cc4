"""Merged indexes: one table for many packs.

The problem: a look-up that must try the table of every pack costs what there are packs, and a process that starts must
not read them all. The rule: tables are merged geometrically. Fresh packs are merged once there are enough of them,
together with every older index that is not much larger than what has been gathered so far; so a chunk's entry is
rewritten O(log n) times in all, and O(log n) indexes stand at any time. Indexes never change; the ledger names those
that count, and the packs' own tables remain the truth.

An index object is a table with names (see `tables`) and nothing else; where objects are plain files it is mapped, not
read.
"""

from __future__ import annotations

import heapq
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from hathi.model.packs import Catalogue, IndexRecord, PackRecord
from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.packs import read_table
from hathi.storage.chunks.tables import Table, TableBlocks
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

_FRESH_PACKS = 32  # this many packs without an index are worth one
_FRESH_CHUNKS = 50_000  # and so are packs with this many chunks: they cost about 300 bytes of memory each until then
_GROWTH = 2  # an index is taken along when it has at most this many times the chunks gathered before it

_NUMBER_AT, _NUMBER_END = 32, 36  # where the pack number stands in an entry


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What one merge reads: fresh packs and older indexes, and the packs that the result will cover."""

    packs: tuple[PackRecord, ...]
    indexes: tuple[IndexRecord, ...]
    covers: tuple[str, ...]


def plan_merge(catalogue: Catalogue) -> MergePlan | None:
    """Return the merge that is due, or None. Pure."""
    live = {pack.name for pack in catalogue.packs}
    covered = {name for index in catalogue.indexes for name in index.packs}
    fresh = tuple(pack for pack in catalogue.packs if pack.name not in covered)
    gathered = sum(pack.chunks for pack in fresh)
    if len(fresh) < _FRESH_PACKS and gathered < _FRESH_CHUNKS:
        return None
    taken: list[IndexRecord] = []
    for index in sorted(catalogue.indexes, key=lambda index: index.chunks):
        if index.chunks > _GROWTH * gathered:
            break
        taken.append(index)
        gathered += index.chunks
    names = [pack.name for pack in fresh] + [name for index in taken for name in index.packs if name in live]
    return MergePlan(fresh, tuple(taken), tuple(dict.fromkeys(names)))


def merge(objects: ObjectStore, plan: MergePlan) -> IndexRecord:
    """Write the index that `plan` describes, in memory that does not grow with it, and return its record.

    A pack that cannot be read stays outside: its readers learn what is wrong with it from the pack itself.
    """
    tables = [open_index(objects, index) for index in plan.indexes]
    lost: set[str] = set()
    for pack in plan.packs:
        try:
            tables.append(read_table(objects, pack))
        except (ObjectMissing, PackDamaged):
            lost.add(pack.name)
    names = tuple(name for name in plan.covers if name not in lost)
    merged = _Merged(tuple(tables), names)
    count = sum(1 for _ in merged)
    name = f"indexes/{uuid4().hex}"
    size = objects.put(name, TableBlocks(merged, count, names))
    return IndexRecord(name, size, count, names)


def open_index(objects: ObjectStore, record: IndexRecord) -> Table:
    """Open a merged index, mapped where it is a local file. Raises ObjectMissing, PackDamaged."""
    folder = objects.location()
    if not folder:
        return Table(record.name, objects.get(record.name))
    try:
        with (Path(folder) / record.name).open("rb") as file:
            return Table(record.name, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except FileNotFoundError:
        raise ObjectMissing(record.name) from None
    except ValueError:  # an empty file cannot be mapped
        raise PackDamaged(record.name, 0, "it is empty") from None


@dataclass(frozen=True, slots=True)
class _Merged(Iterable[bytes]):
    """The entries of several tables in one order, renumbered to `names`; what stands in other packs is left out."""

    tables: Sequence[Table]
    names: Sequence[str]

    def __iter__(self) -> Iterator[bytes]:
        numbers = {name: number for number, name in enumerate(self.names)}
        last = b""
        for entry in heapq.merge(*(_renumbered(table, numbers) for table in self.tables)):
            if entry != last:  # a pack may be covered by a table and, after a crash between two steps, by another
                yield entry
            last = entry


def _renumbered(table: Table, numbers: dict[str, int]) -> Iterator[bytes]:
    renumber = {_packed(old): _packed(numbers[name]) for old, name in enumerate(table.names) if name in numbers}
    # Entries of one chunk are ordered by pack number, and numbers change; so each such group is sorted again.
    group: list[bytes] = []
    for entry in table:
        number = renumber.get(entry[_NUMBER_AT:_NUMBER_END])
        if number is None:
            continue
        if group and not entry.startswith(group[0][:_NUMBER_AT]):
            yield from sorted(group)
            group.clear()
        group.append(entry[:_NUMBER_AT] + number + entry[_NUMBER_END:])
    yield from sorted(group)


def _packed(number: int) -> bytes:
    return number.to_bytes(_NUMBER_END - _NUMBER_AT, "little")
