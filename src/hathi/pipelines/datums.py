"""What people ask about datums: those of a job that has ended stand in its datum index, those at work in `overlay`.

SKIPPED is nowhere written down: it is a success whose record another job made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.identity import datum_id
from hathi.model.inputs import sources
from hathi.model.pps import DatumInfo, DatumInput, DatumState
from hathi.model.records import DatumRecord
from hathi.model.references import DEFAULT_PROJECT, Branch, Job
from hathi.model.spec import parse_spec
from hathi.pipelines import payloads
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.overlay import datums_at_work
from hathi.pipelines.planning.combos import enumerate_combos
from hathi.pipelines.planning.trees import Head, Trees
from hathi.pipelines.rows import jobs, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.waiting import Cancelled, WaitEnded, never
from hathi.storage.filesets.datum_inputs import inputs_of
from hathi.storage.filesets.nodes import Nodes, reading
from hathi.versioning import branches, commits
from hathi.versioning.store import Store

_PREVIEW = {"pipeline": {"name": "preview"}, "transform": {"cmd": ["true"]}}


class DatumNotFound(NotFoundError):
    """The job has no such datum."""

    def __init__(self, job: Job, id: str) -> None:
        super().__init__(f"datum {id} not found in job {job}")
        self.job = job
        self.id = id


class NoDatumMatches(NotFoundError):
    """No datum that a worker has at hand holds what was asked for; clients of the original know the text."""

    def __init__(self, job: Job, filters: Sequence[str]) -> None:
        super().__init__(f"datum matching filter [{' '.join(filters)}] could not be found for job ID {job.id}")
        self.job = job


def list_datums(
    store: Store,
    job: Job,
    *,
    states: Sequence[DatumState] = (),
    after: str = "",
    number: int = 0,
    reverse: bool = False,
) -> Iterator[DatumInfo]:
    """Yield a job's datums by id. JobNotFound.

    states: only these, when given. after: the pagination marker, a datum id. number: at most so many, 0 means all.
    """
    with store.chunks.reading():
        with store.db.read() as tx:
            row = jobs.get(tx, job)
        nodes = reading(store.chunks)
        records = _records(store, row, after, reverse=reverse)
        infos = (_info(nodes, job, record) for record in records if not states or _state(job, record) in states)
        yield from islice(infos, number or None)


def inspect(store: Store, job: Job, id: str) -> DatumInfo:
    """Return one datum of a job; JobNotFound, DatumNotFound."""
    with store.chunks.reading():
        with store.db.read() as tx:
            row = jobs.get(tx, job)
        if row.state.terminal:
            found = _index(store, row).get(id) if _is_id(id) else None
        else:
            found = next((record for record in datums_at_work(store, row) if record.id == id), None)
    if found is None:
        raise DatumNotFound(job, id)
    return _info(reading(store.chunks), job, found)


def preview(
    store: Store,
    input: Mapping[str, Any],
    *,
    project: str = DEFAULT_PROJECT,
    states: Sequence[DatumState] = (),
    after: str = "",
    number: int = 0,
    reverse: bool = False,
    cancelled: Cancelled = never,
) -> Iterator[DatumInfo]:
    """Yield the datums that a pipeline with this input (JSON form) would have on the present heads; state UNKNOWN.

    Of a head that is open the latest commit that is finished is taken. The order is that of their paths, not of their
    ids, so that the first can be had without a look at all. Raises SpecError, NotFoundError, and WaitEnded once
    `cancelled` is true.

    Args:
        states: Only these, when given.
        after: The pagination marker: the id of the datum behind which to go on.
        number: At most so many, 0 means all.
        reverse: Backwards. All that are before the marker are looked at.
    """
    parsed = parse_spec({**_PREVIEW, "input": input}, project=project)
    if parsed.input is None or (states and DatumState.UNKNOWN not in states):
        return

    def check() -> None:
        if cancelled():
            raise WaitEnded

    with store.chunks.reading():
        with store.db.read() as tx:
            heads = {branch: _head(tx, branch) for branch in sources(parsed.input)}
        trees = Trees(reading(store.chunks), heads, check)
        found = ((datum_id(combo), combo) for combo in enumerate_combos(parsed.input, trees))
        page: Iterator[tuple[str, tuple[DatumInput, ...]]]
        if reverse:
            page = reversed(deque(_until(found, after) if after else found, maxlen=number or None))
        else:
            if after:
                deque(_until(found, after), maxlen=0)
            page = islice(found, number or None)
        for id, combo in page:
            yield DatumInfo(None, id, DatumState.UNKNOWN, inputs=combo)


def _until(
    found: Iterator[tuple[str, tuple[DatumInput, ...]]], marker: str
) -> Iterator[tuple[str, tuple[DatumInput, ...]]]:
    """Yield the datums before the one with the id `marker`, which is consumed; NotFoundError when there is none."""
    for id, combo in found:
        if id == marker:
            return
        yield id, combo
    raise NotFoundError(f"the input has no datum {marker} to go on from: its data changed; list it from the beginning")


def restart(store: Store, job: Job, filters: Sequence[str]) -> None:
    """Stop the datums at hand that hold every one of these paths or content hashes (hex); they are tried again.

    JobNotFound; NoDatumMatches when no datum at hand does.
    """
    found = False
    with store.db.write() as tx:
        row = jobs.get(tx, job)
        for one in sets.claimed_of_jobs(tx, [row.id]):
            if one.datum:
                datums = payloads.unpack_runs(sets.payload(tx, row.id, one.seq))
                at_hand = next(record for record in datums if record.id == one.datum)
                read = tuple(inputs_of(store.nodes, at_hand)) if filters else ()
                if all(any(_shows(part, text) for part in read) for text in filters):
                    sets.cancel(tx, one, one.datum)
                    found = True
    if not found:
        raise NoDatumMatches(job, filters)


def _records(store: Store, row: JobRow, after: str, *, reverse: bool) -> Iterator[DatumRecord]:
    if row.state.terminal:
        return _index(store, row).records(after, reverse=reverse)
    records = datums_at_work(store, row)
    if not reverse:
        return (record for record in records if record.id > after)
    # A job at work is merged forwards only; who wants to see it backwards waits for all of it.
    return reversed([record for record in records if not after or record.id < after])


def _index(store: Store, row: JobRow) -> DatumIndex:
    return DatumIndex(reading(store.chunks), row.index_root or EMPTY_ROOT)


def _info(nodes: Nodes, job: Job, record: DatumRecord) -> DatumInfo:
    return DatumInfo(
        job=job,
        id=record.id,
        state=_state(job, record),
        stats=record.stats,
        inputs=tuple(inputs_of(nodes, record)),
        reason=record.reason,
        image=record.image,
    )


def _state(job: Job, record: DatumRecord) -> DatumState:
    skipped = record.state is DatumState.SUCCESS and record.job != job.id
    return DatumState.SKIPPED if skipped else record.state


def _head(tx: Transaction, branch: Branch) -> Head:
    head = branches.inspect(tx, branch).head
    root = commits.root_of(tx, head)
    if root is not None:
        return Head(head, root)
    ancestor = commits.good_ancestor(tx, head)
    return Head(head, EMPTY_ROOT if ancestor is None else commits.root_of(tx, ancestor) or EMPTY_ROOT)


def _shows(part: DatumInput, text: str) -> bool:
    bare = part.path.rstrip("/")
    return text in (part.path, bare, bare.lstrip("/"), part.path.lstrip("/"), part.hash.hex())


def _is_id(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False
