"""What pipelines keep in trees and rows, told to garbage collection: datum indexes, and what their records refer to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from hathi.metadata.tables.pps import datum_set_payloads, datum_sets, jobs
from hathi.model.records import DatumRecord
from hathi.pipelines import payloads
from hathi.storage.filesets.datum_inputs import INPUTS, trees_of
from hathi.storage.filesets.datums import DATUMS
from hathi.storage.filesets.node import Node
from hathi.storage.garbage.tracing import References
from hathi.versioning.roots import RootSource
from hathi.versioning.store import Store

_PAYLOADS = 50
"""Datum sets whose payloads are read in one transaction; each may have a megabyte."""


def register(store: Store) -> None:
    """Let garbage collection follow what pipelines keep; called once, while the program is put together."""
    store.roots.register(RootSource(jobs.c.index_root))
    store.roots.register(RootSource(datum_sets.c.index_root))
    planned = datum_set_payloads.join(datum_sets)
    store.roots.register(
        RootSource(datum_set_payloads.c.payload, (datum_sets.c.kind,), _planned, page=_PAYLOADS, within=planned)
    )
    store.trees.register(DATUMS, _records)
    store.trees.register(INPUTS, _inputs)


def _records(leaf: Node, references: References) -> None:
    for value in leaf.values:
        record = DatumRecord.decode(value)
        for _, root in trees_of(record):
            references.tree(root)
        for _, content in record.outputs:
            references.content(content)


def _inputs(leaf: Node, references: References) -> None:
    """An input names a file by commit and path: it is kept by its commit, not by who reads it."""


def _planned(row: Row[Any]) -> Iterable[bytes]:
    """Yield the roots that a planned datum set refers to."""
    for _, root in payloads.trees_in(row.kind, row.payload):
        yield root
