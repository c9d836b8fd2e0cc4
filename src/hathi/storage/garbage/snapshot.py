"""What is stored at some time: the catalogue, and the tables of all its packs, opened for marking."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hathi.model.packs import Catalogue, PackRecord
from hathi.storage.chunks.indexes import open_index
from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.packs import read_table
from hathi.storage.chunks.tables import Table
from hathi.storage.garbage.interface import GarbageLedger
from hathi.storage.garbage.marks import Marks
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

_log = logging.getLogger(__name__)

_TRIES = 5
"""Packs and indexes may be merged between hearing of them and opening them; each try reads the catalogue again."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """packs: those in use whose table can be read. condemned: names of those about to go. tables: of both."""

    packs: tuple[PackRecord, ...]
    condemned: frozenset[str]
    tables: tuple[Table, ...]

    def marks(self, safe: Marks | None = None) -> Marks:
        """Return marks for everything that is stored, none of which is set; see `Marks`."""
        return Marks(self.tables, frozenset(pack.name for pack in self.packs), self.condemned, safe)


def take_snapshot(objects: ObjectStore, ledger: GarbageLedger) -> Snapshot:
    """Read what is stored now. Raises what the object store raises."""
    for attempt in range(_TRIES):
        catalogue = ledger.catalogue()
        assert catalogue is not None, "the whole catalogue was asked for"
        try:
            return _opened(objects, catalogue)
        except ObjectMissing:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def _opened(objects: ObjectStore, catalogue: Catalogue) -> Snapshot:
    tables: list[Table] = []
    covered: set[str] = set()
    damaged: set[str] = set()
    for index in catalogue.indexes:
        try:
            tables.append(open_index(objects, index))
            covered.update(tables[-1].names)
        except PackDamaged as error:  # the packs' own tables serve as well
            _log.warning("garbage collection does without a pack index: %s", error)
    for pack in catalogue.packs:
        if pack.name in covered or pack.superseded:
            continue
        try:
            tables.append(read_table(objects, pack.record))
        except PackDamaged as error:  # nobody knows what is in it, so it stays
            _log.warning("garbage collection leaves pack %s as it is: %s", pack.name, error)
            damaged.add(pack.name)
    return Snapshot(
        tuple(pack.record for pack in catalogue.packs if pack.condemned is None and pack.name not in damaged),
        frozenset(pack.name for pack in catalogue.packs if pack.condemned is not None and not pack.superseded),
        tuple(tables),
    )
