"""The datums of a job that is at work: the index it started from, overlaid with what its sets say, merged by id.

Nothing here is stored twice, and no set stands in memory: base and sets are all in the order of datum ids.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from hathi.metadata.tables.pps import SetKind, SetState
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.pipelines import payloads
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.planner import base_of
from hathi.pipelines.rows import jobs, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.rows.sets import SetRow
from hathi.storage.filesets.nodes import Nodes, reading
from hathi.versioning.store import Store

_Entry = tuple[str, int, DatumRecord | None]
"""A datum id, which side speaks (0: a set, 1: the base), and the record, None when it is dropped."""


def datums_at_work(store: Store, row: JobRow) -> Iterator[DatumRecord]:
    """Yield the records of a job's datums as they stand, by id: STARTING what is claimed, UNKNOWN what waits."""
    nodes = reading(store.chunks)
    with store.db.read() as tx:
        present = sets.list_rows(tx, row.id)
        row, before = jobs.by_id(tx, row.id), base_of(tx, row)
    if row.state.terminal:  # just now
        yield from DatumIndex(nodes, row.index_root or EMPTY_ROOT).records()
        return
    base = DatumIndex(nodes, EMPTY_ROOT if before is None or before.index_root is None else before.index_root)
    streams = [_set_entries(store, nodes, one) for one in present]
    kept: Iterator[_Entry] = ((record.id, 1, record) for record in base.records())
    for _, entries in groupby(heapq.merge(*streams, kept, key=itemgetter(0, 1)), key=itemgetter(0)):
        _, _, record = next(entries)
        if record is not None:
            yield record


def _set_entries(store: Store, nodes: Nodes, one: SetRow) -> Iterator[_Entry]:
    if one.index_root is not None:
        for record in DatumIndex(nodes, one.index_root).records():
            yield record.id, 0, record
        return
    with store.db.read() as tx:
        payload = sets.find_payload(tx, one.job_id, one.seq)
    if payload is None:  # the job has ended meanwhile
        return
    if one.kind is SetKind.DROP:
        for id in payloads.unpack_drops(payload):
            yield id, 0, None
    elif one.kind is SetKind.ADOPT:
        for id, source in payloads.unpack_adopts(payload):
            yield id, 0, DatumIndex(nodes, source).get(id)
    else:
        claimed = one.state is SetState.CLAIMED
        for record in payloads.unpack_runs(payload):
            yield record.id, 0, replace(record, state=DatumState.STARTING) if claimed else record
