"""The tables of all packs that are live at some time, opened for marking."""

from __future__ import annotations

from collections.abc import Iterator

from hathi.model.packs import Catalogue
from hathi.storage.chunks.indexes import open_index
from hathi.storage.chunks.packs import read_table
from hathi.storage.chunks.tables import Table
from hathi.storage.objects.interface import ObjectStore


def open_tables(objects: ObjectStore, catalogue: Catalogue) -> Iterator[Table]:
    """Yield the merged indexes of a catalogue, and the tables of the packs that none of them covers.

    Raises PackDamaged, ObjectMissing: nothing may be collected while something cannot be read.
    """
    covered: set[str] = set()
    for index in catalogue.indexes:
        table = open_index(objects, index)
        covered.update(table.names)
        yield table
    for pack in catalogue.packs:
        if pack.name not in covered:
            yield read_table(objects, pack.record)
