"""Where every live chunk stands, as far as this process has heard.

The problem: a look-up must be fast, must never find what is gone, and must not keep what is about to go. The rule: the
ledger's catalogue decides which packs count. Chunks of packs that a merged index covers are found in that (mapped)
index; those of fresh packs in a dictionary filled from the packs' own tables, which stays small because indexes are
merged.

Reading may use a condemned pack, which is still there while anybody who began before it was condemned works. Keeping
may not: a chunk found only in condemned packs counts as absent, and is written again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from hathi.model.errors import HathiError
from hathi.model.packs import Catalogue, PackLedger
from hathi.storage.chunks.indexes import open_index
from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.packs import read_table
from hathi.storage.chunks.tables import Location, Table
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

_ANNOUNCED_CHUNKS = 100_000  # of tables held for packs that this process wrote and nobody has named yet; 52 bytes each
_TRIES = 3  # a merged index may be replaced between hearing of it and opening it; each try asks the ledger again


class Locations:
    """Thread-safe; one per process."""

    def __init__(self, objects: ObjectStore, ledger: PackLedger) -> None:
        self._objects = objects
        self._ledger = ledger
        self._lock = threading.Lock()  # held by whoever refreshes; readers see each structure replaced or grown whole
        self._version = -1
        self._usable: frozenset[str] = frozenset()  # live packs
        self._keeping: frozenset[str] = frozenset()  # live and not condemned
        self._indexes: tuple[Table, ...] = ()
        self._fresh: dict[bytes, Location] = {}
        self._fresh_packs: frozenset[str] = frozenset()  # whose chunks are in _fresh
        self._unreadable: dict[str, HathiError] = {}
        self._announced: OrderedDict[str, Table] = OrderedDict()

    def __repr__(self) -> str:
        return (
            f"Locations(version {self._version}: {len(self._usable)} packs, {len(self._indexes)} indexes, "
            f"{len(self._fresh)} chunks in fresh packs)"
        )

    def find(self, id: bytes) -> Location | None:
        """Return where to read a chunk."""
        return self._find(id, self._keeping) or self._find(id, self._usable)

    def keeps(self, id: bytes) -> bool:
        """Return whether a writer with a lease may rely on this chunk instead of writing it."""
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

    def refresh(self) -> bool:
        """Ask the ledger what is live now; return whether anything changed since it was last asked."""
        with self._lock:
            changed = False
            for attempt in range(_TRIES):
                catalogue = self._ledger.catalogue(self._version)
                if catalogue is None:
                    break
                changed = True
                if self._follow(catalogue, patient=attempt < _TRIES - 1):
                    break
            return changed

    def _find(self, id: bytes, packs: frozenset[str]) -> Location | None:
        place = self._fresh.get(id)
        if place is not None and place.pack in packs:
            return place
        for index in self._indexes:
            for place in index.find(id):
                if place.pack in packs:
                    return place
        return None

    def _follow(self, catalogue: Catalogue, patient: bool) -> bool:
        """Take over a catalogue. False: an index it names is gone, so a newer catalogue should be asked for."""
        live = frozenset(pack.name for pack in catalogue.packs)
        opened = {table.key: table for table in self._indexes}
        indexes: list[Table] = []
        covered: set[str] = set()
        unreadable: dict[str, HathiError] = {}
        for record in catalogue.indexes:
            try:
                indexes.append(opened.get(record.name) or open_index(self._objects, record))
                covered.update(record.packs)
            except ObjectMissing:
                if patient:
                    return False
            except PackDamaged as error:  # a convenience is lost, no data: the packs' own tables serve as well
                unreadable[record.name] = error
        fresh = {} if covered & self._fresh_packs or self._fresh_packs - live else self._fresh
        read = self._fresh_packs if fresh is self._fresh else frozenset()
        wanted = [pack for pack in catalogue.packs if pack.name not in covered and pack.name not in read]
        found: set[str] = set()
        # Condemned packs first: where a chunk stands in two packs, the one that stays overwrites the other.
        for pack in sorted(wanted, key=lambda pack: pack.name not in catalogue.condemned):
            try:
                table = self._announced.pop(pack.name, None) or read_table(self._objects, pack)
            except (ObjectMissing, PackDamaged) as error:
                unreadable[pack.name] = error
                continue
            for entry in table.entries():
                place = Location(pack.name, entry.offset, entry.stored, entry.length)
                fresh[entry.id] = place
            found.add(pack.name)
        # In this order, a reader that looks on meanwhile finds in the new what is no longer in the old.
        self._indexes = tuple(sorted(indexes, key=len))
        self._usable, self._keeping = live, live - catalogue.condemned
        self._fresh, self._fresh_packs = fresh, read | found
        self._unreadable = unreadable
        self._version = catalogue.version
        return True
