"""Merged indexes: one table for many packs.

The problem: a look-up that must try the table of every pack costs what there are packs, and a process that starts must
not read them all. The rule: tables are merged geometrically. Fresh packs are merged once there are enough of them
(`merging` plans it), together with every older index that is not much larger than what has been gathered so far; so a
chunk's entry is rewritten O(log n) times in all, and O(log n) indexes exist at any time. Indexes never change; the
ledger names those that count, and the packs' own tables remain the truth. Which packs an index covers is said by the
index itself.

An index object is a table with names (see `tables`) and nothing else; where objects are plain files it is mapped, not
read.
"""

from __future__ import annotations

import heapq
import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hathi.model.packs import IndexRecord
from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.merging import IndexMerge
from hathi.storage.chunks.packs import read_table
from hathi.storage.chunks.tables import ENTRY, Table, TableBlocks, table_size
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

_NUMBER_AT, _NUMBER_END = 32, 36  # where the pack number is in an entry


def merge_indexes(objects: ObjectStore, plan: IndexMerge, key: str, live: Callable[[str], bool]) -> IndexRecord:
    """Write the index that `plan` describes, in memory that does not grow with it, and return its record.

    A pack that cannot be read stays outside: its readers learn what is wrong with it from the pack itself.

    Args:
        objects: where indexes and packs are.
        plan: what is merged.
        key: of the new index.
        live: tells of a pack's name whether it is worth looking at still.
    """
    tables = [open_index(objects, index) for index in plan.indexes]
    for pack in plan.packs:
        try:
            tables.append(read_table(objects, pack))
        except (ObjectMissing, PackDamaged):
            continue
    names = tuple(dict.fromkeys(name for table in tables for name in table.names if live(name)))
    size = objects.put(key, TableBlocks(_Merged(tuple(tables), names), names))
    return IndexRecord(key, size, (size - table_size(0, names)) // ENTRY.size)


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
