"""Where every live chunk is stored, as far as this process has heard.

The problem: a look-up must be fast, must never find what is gone, must not keep what is about to go, and following the
catalogue must cost what changed in it. The rule: chunks of packs that a merged index covers are found in that (mapped)
index; those of other (fresh) packs in a dictionary filled from the packs' own tables, which stays small because packs
and indexes are merged.

Reading may use a condemned pack, which is still there while anybody who began before it was condemned works. Keeping
may not: a chunk found only in condemned packs counts as absent, and is written again. A superseded pack is not looked
at any more: all its chunks are elsewhere.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Container, Iterable

from hathi.model.errors import HathiError
from hathi.model.packs import Catalogue, IndexRecord, PackLedger, PackRecord, PackState
from hathi.storage.chunks.indexes import open_index
from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.merging import Inventory
from hathi.storage.chunks.packs import read_table
from hathi.storage.chunks.tables import Location, Table
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

_ANNOUNCED_CHUNKS = 100_000  # of tables held for packs that this process wrote and nobody has named yet; 52 bytes each
_TRIES = 3  # a merged index may be replaced between hearing of it and opening it; each try asks the ledger again


class Locations:
    """Thread-safe; one per process. `version`: of the catalogue that it has followed so far."""

    def __init__(self, objects: ObjectStore, ledger: PackLedger, full_bytes: int) -> None:
        """full_bytes: size of a pack from which on it is never merged."""
        self._objects = objects
        self._ledger = ledger
        self._full_bytes = full_bytes
        self._lock = threading.Lock()  # held by whoever refreshes; readers find what is new before the old is removed
        self.version = -1
        self._packs: dict[str, PackState] = {}  # live, not superseded
        self._keeping: set[str] = set()  # of those, not condemned
        self._small: dict[str, PackRecord] = {}  # of those, not full
        self._index_records: dict[str, IndexRecord] = {}
        self._indexes: tuple[Table, ...] = ()
        self._cover: Counter[str] = Counter()  # pack -> how many of the indexes cover it
        self._fresh: dict[bytes, tuple[Location, ...]] = {}
        self._tables: dict[str, Table] = {}  # of the packs whose chunks are in _fresh
        self._unreadable: dict[str, HathiError] = {}
        self._announced: OrderedDict[str, Table] = OrderedDict()

    def __repr__(self) -> str:
        return (
            f"Locations(version {self.version}: {len(self._packs)} packs, {len(self._indexes)} indexes, "
            f"{len(self._fresh)} chunks in {len(self._tables)} fresh packs)"
        )

    def find(self, id: bytes) -> Location | None:
        """Return where to read a chunk."""
        return self._find(id, self._keeping) or self._find(id, self._packs)

    def keeps(self, id: bytes) -> bool:
        """Return whether a writer with a pin may rely on this chunk instead of writing it."""
        return self._find(id, self._keeping) is not None

    def unreadable(self) -> HathiError | None:
        """Return why a live pack could not be read, if one could not: it may hold what was not found."""
        return next(iter(self._unreadable.values()), None)

    def announce(self, table: Table) -> None:
        """Remember the table of a pack written here, so that it need not be read back once the pack is named."""
        with self._lock:
            self._announced[table.key] = table
            while sum(map(len, self._announced.values())) > _ANNOUNCED_CHUNKS:
                self._announced.popitem(last=False)

    def live(self, pack: str) -> bool:
        """Return whether a pack is in the catalogue and worth looking at."""
        return pack in self._packs

    def inventory(self) -> Inventory:
        """Return what merges are planned from; its size does not grow with the number of packs that are settled."""
        with self._lock:
            fresh = [self._packs[name].record for name in self._tables if name in self._keeping]
            return Inventory(
                small=tuple(self._small.values()), fresh=tuple(fresh), indexes=tuple(self._index_records.values())
            )

    def refresh(self) -> bool:
        """Ask the ledger what changed; return whether anything did since it was last asked."""
        with self._lock:
            changed = False
            for attempt in range(_TRIES):
                catalogue = self._ledger.catalogue(self.version)
                if catalogue is None:
                    break
                changed = True
                if self._follow(catalogue, patient=attempt < _TRIES - 1):
                    break
            return changed

    def _find(self, id: bytes, packs: Container[str]) -> Location | None:
        for place in self._fresh.get(id, ()):
            if place.pack in packs:
                return place
        for index in self._indexes:
            for place in index.find(id):
                if place.pack in packs:
                    return place
        return None

    def _follow(self, catalogue: Catalogue, patient: bool) -> bool:
        """Take over what changed. False: an index it names is gone, so a newer catalogue should be asked for.

        First everything is read, then everything changed, so that a store that fails leaves all as it was.
        """
        present = {pack.name: pack for pack in catalogue.packs if not (pack.gone or pack.superseded)}
        if catalogue.since < 0:
            gone = self._packs.keys() - present.keys()
            lost = self._index_records.keys() - {index.name for index in catalogue.indexes}
        else:
            gone = {pack.name for pack in catalogue.packs if pack.name not in present}
            lost = {index.name for index in catalogue.indexes if index.gone}
        opened: list[Table] = []
        unreadable: dict[str, HathiError] = {}
        added = [index for index in catalogue.indexes if not index.gone and index.name not in self._index_records]
        for record in added:
            try:
                opened.append(open_index(self._objects, record))
            except ObjectMissing:
                if patient:
                    return False
            except PackDamaged as error:  # a convenience is lost, no data: the packs' own tables serve as well
                unreadable[record.name] = error
        closed = [table for table in self._indexes if table.key in lost]
        cover = Counter(name for table in opened for name in table.names)
        cover.subtract(name for table in closed for name in table.names)
        wanted = dict(present)
        for name in (*(name for name, change in cover.items() if change < 0), *self._unreadable):
            if name in self._packs and name not in gone:
                wanted.setdefault(name, self._packs[name])
        tables: list[Table] = []
        for name, pack in wanted.items():
            if name in self._tables or self._cover[name] + cover[name] > 0:
                continue
            try:
                tables.append(self._announced.get(name) or read_table(self._objects, pack.record))
            except (ObjectMissing, PackDamaged) as error:
                unreadable[name] = error
        self._add(present.values(), added, opened, tables)
        self._remove(gone, lost)
        for name, change in cover.items():
            self._cover[name] += change
            if not self._cover[name]:
                del self._cover[name]
        self._forget(name for name in (*gone, *(name for name, change in cover.items() if change > 0)))
        for name in (*gone, *wanted):
            self._unreadable.pop(name, None)
            self._announced.pop(name, None)
        for name in lost:
            self._unreadable.pop(name, None)
        self._unreadable.update(unreadable)
        self.version = catalogue.version
        return True

    def _add(
        self, packs: Iterable[PackState], records: Iterable[IndexRecord], indexes: list[Table], tables: list[Table]
    ) -> None:
        """Make findable what is new, before anything else stops being so."""
        self._index_records.update((record.name, record) for record in records)
        self._indexes = tuple(sorted((*self._indexes, *indexes), key=len))
        for table in tables:
            self._tables[table.key] = table
            for entry in table.entries():
                place = Location(table.key, entry.offset, entry.stored, entry.length)
                others = self._fresh.get(entry.id)
                self._fresh[entry.id] = (place,) if others is None else (*others, place)
        condemned: list[str] = []
        for pack in packs:
            self._packs[pack.name] = pack
            if pack.condemned is not None:
                condemned.append(pack.name)
                continue
            self._keeping.add(pack.name)
            if pack.size < self._full_bytes:
                self._small[pack.name] = pack.record
        for name in condemned:
            self._keeping.discard(name)
            self._small.pop(name, None)

    def _remove(self, packs: Iterable[str], indexes: Iterable[str]) -> None:
        for name in packs:
            self._keeping.discard(name)
            self._small.pop(name, None)
            self._packs.pop(name, None)
        for name in indexes:
            self._index_records.pop(name, None)
        self._indexes = tuple(table for table in self._indexes if table.key not in indexes)

    def _forget(self, packs: Iterable[str]) -> None:
        """Take the chunks of packs out of the dictionary: an index covers them now, or they are gone."""
        for name in packs:
            table = self._tables.pop(name, None)
            if table is None:
                continue
            for entry in table.entries():
                rest = tuple(place for place in self._fresh.get(entry.id, ()) if place.pack != name)
                if rest:
                    self._fresh[entry.id] = rest
                else:
                    self._fresh.pop(entry.id, None)
