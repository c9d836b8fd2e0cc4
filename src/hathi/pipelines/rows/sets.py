"""Rows of datum sets: what a job has to do, who does it, and what came of it.

Every statement costs what it returns, however many sets the job has and however many are done: the next set to claim,
the sets that a worker holds and the shares of the workers each have an index or a row of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Row, Select, bindparam, delete, insert, select, update

from hathi.metadata.paging import batched
from hathi.metadata.tables.pps import SetKind, SetState, datum_set_payloads, datum_sets, job_shares
from hathi.metadata.transaction import Transaction
from hathi.model.references import Pipeline
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.sharing import Part

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""Value of `due` for a set that may be claimed at once."""

NOBODY = ""
"""The worker under which a job's share counts the datums that nobody has."""


@dataclass(frozen=True, slots=True)
class SetRow:
    """A datum set without its payload, see `metadata.tables.pps`."""

    job_id: int
    seq: int
    kind: SetKind
    state: SetState
    count: int
    due: datetime | None
    claim_id: str | None
    worker: str
    expires: datetime | None
    datum: str
    datum_started: datetime | None
    cancelled: tuple[str, ...]
    attempts: int
    errors: int
    index_root: bytes | None


@dataclass(frozen=True, slots=True)
class NewSet:
    """A datum set to be added to a job. count: how many datums its payload holds."""

    seq: int
    kind: SetKind
    count: int
    payload: bytes


def topic(pipeline: Pipeline) -> str:
    """Return the feed topic that wakes workers of a pipeline."""
    return f"work/{pipeline.project}/{pipeline.name}"


def insert_rows(tx: Transaction, job: JobRow, new: Sequence[NewSet]) -> None:
    """Add sets to a job: ready to be claimed where there is something to run, else done."""
    if not new:
        return
    runs = [one for one in new if one.kind is SetKind.RUN]
    due = None if job.stop else AT_ONCE
    rows = [
        {
            "job_id": job.id,
            "seq": one.seq,
            "pipeline_id": job.pipeline_id,
            "version": job.version,
            "kind": one.kind,
            "state": SetState.READY if one.kind is SetKind.RUN else SetState.DONE,
            "count": one.count,
            "due": due if one.kind is SetKind.RUN else None,
        }
        for one in new
    ]
    tx.connection.execute(_INSERT, rows)
    payloads = [{"job_id": job.id, "seq": one.seq, "payload": one.payload} for one in new]
    tx.connection.execute(_INSERT_PAYLOAD, payloads)
    _share(tx, job.id, NOBODY, sum(one.count for one in runs))


def list_rows(tx: Transaction, job_id: int) -> list[SetRow]:
    """Return all of a job's sets in the plan's order."""
    return list(_rows(tx, _OF_JOB, {"the_job": job_id}))


def payload(tx: Transaction, job_id: int, seq: int) -> bytes:
    """Return the payload of a set that exists."""
    data: bytes = tx.connection.execute(_PAYLOAD, {"the_job": job_id, "the_seq": seq}).scalar_one()
    return data


def find_payload(tx: Transaction, job_id: int, seq: int) -> bytes | None:
    """Return the payload of a set, None when it is gone."""
    data: bytes | None = tx.connection.execute(_PAYLOAD, {"the_job": job_id, "the_seq": seq}).scalar()
    return data


def outstanding(tx: Transaction, job_id: int) -> bool:
    """Return whether a job has sets that are not done."""
    return tx.connection.execute(_OUTSTANDING, {"the_job": job_id}).first() is not None


def claimable(tx: Transaction, pipeline_id: int, version: int) -> SetRow | None:
    """Return the set that a worker of this version should claim now, None when there is none.

    First come sets that have rested long enough after an error, or whose worker fell silent; then those that nobody
    has claimed yet, in the order of jobs and plans.
    """
    group = {"the_pipeline": pipeline_id, "the_version": version, "at_once": AT_ONCE}
    later = next(_rows(tx, _LATER, group), None)
    if later is not None and later.due is not None and later.due <= tx.now:
        return later
    return next(_rows(tx, _READY_NOW, group), None)


def next_due(tx: Transaction, pipeline_id: int, version: int) -> datetime | None:
    """Return when the next set becomes claimable by time alone, None when none does."""
    group = {"the_pipeline": pipeline_id, "the_version": version, "at_once": AT_ONCE}
    later = next(_rows(tx, _LATER, group), None)
    return None if later is None else later.due


def parts(tx: Transaction, job_id: int) -> tuple[list[Part], int]:
    """Return what each worker had of a job, and how many of its datums nobody had."""
    shares = {worker: int(datums) for worker, datums in tx.connection.execute(_SHARES, {"the_job": job_id})}
    busy = set(tx.connection.execute(_BUSY, {"the_job": job_id}).scalars())
    left = shares.pop(NOBODY, 0)
    return [Part(worker, datums, worker in busy) for worker, datums in shares.items() if datums], left


def claim(tx: Transaction, row: SetRow, claim_id: str, worker: str, expires: datetime) -> None:
    """Give a set that is claimable to a worker."""
    values = {"claim_id": claim_id, "worker": worker, "expires": expires, "due": expires}
    values |= {"state": SetState.CLAIMED, "attempts": row.attempts + 1}
    _change(tx, row, datum="", datum_started=None, cancelled=None, **values)
    _share(tx, row.job_id, row.worker, -row.count)
    _share(tx, row.job_id, worker, row.count)


def extend(tx: Transaction, row: SetRow, expires: datetime, datum: str, datum_started: datetime | None) -> None:
    """Let the claim on a set end later, and record what its worker does; what it was to cancel has been passed on."""
    due = None if row.due is None else expires
    _change(tx, row, expires=expires, due=due, datum=datum, datum_started=datum_started, cancelled=None)


def cancel(tx: Transaction, row: SetRow, datum: str) -> None:
    """Have the worker that holds a set stop a datum and try it again."""
    _change(tx, row, cancelled=sorted({*row.cancelled, datum}))


def finish(tx: Transaction, row: SetRow, index_root: bytes) -> None:
    """Record what came of a set that its worker has done."""
    _change(tx, row, state=SetState.DONE, index_root=index_root, expires=None, due=None, datum="", datum_started=None)


def free(tx: Transaction, row: SetRow, *, not_before: datetime = AT_ONCE) -> None:
    """Let a set that a worker held be claimed by any; with `not_before` no sooner than then."""
    values = {"claim_id": None, "worker": NOBODY, "expires": None, "datum": "", "datum_started": None}
    _change(tx, row, state=SetState.READY, due=None if row.due is None else not_before, **values)
    _share(tx, row.job_id, row.worker, -row.count)
    _share(tx, row.job_id, NOBODY, row.count)


def give_up(tx: Transaction, row: SetRow, not_before: datetime) -> None:
    """Let a set that its worker could not run be claimed by any, no sooner than `not_before`, and count the error."""
    free(tx, row, not_before=not_before)
    _change(tx, row, errors=row.errors + 1)


def stop(tx: Transaction, job_id: int) -> None:
    """Let none of a job's sets be claimed any more; who holds one may still report it."""
    tx.connection.execute(_STOP, {"the_job": job_id})


def by_claim(tx: Transaction, claim_id: str) -> SetRow | None:
    """Return the set that was claimed under this id last, or None."""
    return next(_rows(tx, _BY_CLAIM, {"the_claim": claim_id}), None)


def claimed(tx: Transaction, pipeline_id: int) -> list[SetRow]:
    """Return the sets of a pipeline that workers hold."""
    return list(_rows(tx, _HELD, {"the_pipeline": pipeline_id}))


def held_by(tx: Transaction, pipeline_id: int, worker: str) -> list[SetRow]:
    """Return the sets of a pipeline that one worker holds: one at most, as a rule."""
    return list(_rows(tx, _HELD_BY, {"the_pipeline": pipeline_id, "the_worker": worker}))


def claimed_of_jobs(tx: Transaction, job_ids: Iterable[int]) -> list[SetRow]:
    """Return the sets of some jobs that workers hold, in the order of jobs and plans."""
    found = (row for batch in batched(job_ids) for row in _rows(tx, _CLAIMED_OF_JOBS, {"the_jobs": batch}))
    return sorted(found, key=lambda row: (row.job_id, row.seq))


def delete_rows(tx: Transaction, job_id: int) -> None:
    """Forget a job's sets."""
    for statement in (_DELETE_PAYLOADS, _DELETE, _DELETE_SHARES):
        tx.connection.execute(statement, {"the_job": job_id})


def _change(tx: Transaction, row: SetRow, **values: object) -> None:
    tx.connection.execute(_CHANGE, {"the_job": row.job_id, "the_seq": row.seq, **values})


def _share(tx: Transaction, job_id: int, worker: str, datums: int) -> None:
    if not datums:
        return
    values = {"the_job": job_id, "the_worker": worker, "more": datums}
    if tx.connection.execute(_ADD_SHARE, values).rowcount == 0:
        tx.connection.execute(_INSERT_SHARE, {"job_id": job_id, "worker": worker, "datums": datums})


def _rows(tx: Transaction, statement: Select[tuple[object, ...]], values: Mapping[str, object]) -> Iterator[SetRow]:
    for row in tx.connection.execute(statement, values).all():
        yield _set(row)


def _set(row: Row[tuple[object, ...]]) -> SetRow:
    return SetRow(
        job_id=row.job_id,
        seq=row.seq,
        kind=row.kind,
        state=row.state,
        count=row._mapping["count"],
        due=row.due,
        claim_id=row.claim_id,
        worker=row.worker,
        expires=row.expires,
        datum=row.datum,
        datum_started=row.datum_started,
        cancelled=tuple(row.cancelled or ()),
        attempts=row.attempts,
        errors=row.errors,
        index_root=row.index_root,
    )


# Statements are built once: every datum set passes here several times, and building one costs more than running it.
_SETS: Select[tuple[object, ...]] = select(datum_sets)
_ORDER = (datum_sets.c.job_id, datum_sets.c.seq)
_IN_JOB = datum_sets.c.job_id == bindparam("the_job")
_ONE = _IN_JOB & (datum_sets.c.seq == bindparam("the_seq"))
_OF_PIPELINE = datum_sets.c.pipeline_id == bindparam("the_pipeline")
_OF_GROUP = _OF_PIPELINE & (datum_sets.c.version == bindparam("the_version"))
_CLAIMED = datum_sets.c.expires.is_not(None)

_INSERT = insert(datum_sets)
_INSERT_PAYLOAD = insert(datum_set_payloads)
_CHANGE = update(datum_sets).where(_ONE)
_STOP = update(datum_sets).where(_IN_JOB, datum_sets.c.state != SetState.DONE).values(due=None)
_DELETE = delete(datum_sets).where(_IN_JOB)
_DELETE_PAYLOADS = delete(datum_set_payloads).where(datum_set_payloads.c.job_id == bindparam("the_job"))
_OF_JOB = _SETS.where(_IN_JOB).order_by(*_ORDER)
_BY_CLAIM = _SETS.where(datum_sets.c.claim_id == bindparam("the_claim"))
_HELD = _SETS.where(_OF_PIPELINE, _CLAIMED)
_HELD_BY = _HELD.where(datum_sets.c.worker == bindparam("the_worker"))
_CLAIMED_OF_JOBS = _SETS.where(
    datum_sets.c.job_id.in_(bindparam("the_jobs", expanding=True)), datum_sets.c.state == SetState.CLAIMED
)
_PAYLOAD = select(datum_set_payloads.c.payload).where(
    datum_set_payloads.c.job_id == bindparam("the_job"), datum_set_payloads.c.seq == bindparam("the_seq")
)
_OUTSTANDING = (
    select(datum_sets.c.seq).where(_IN_JOB, datum_sets.c.state.in_((SetState.READY, SetState.CLAIMED))).limit(1)
)
_BUSY = select(datum_sets.c.worker).where(_IN_JOB, datum_sets.c.state == SetState.CLAIMED)
_DUE = _SETS.where(_OF_GROUP, datum_sets.c.due.is_not(None)).limit(1)
_LATER = _DUE.where(datum_sets.c.due > bindparam("at_once")).order_by(datum_sets.c.due, *_ORDER)
_READY_NOW = _DUE.where(datum_sets.c.due == bindparam("at_once")).order_by(*_ORDER)

_SHARE_OF = (job_shares.c.job_id == bindparam("the_job")) & (job_shares.c.worker == bindparam("the_worker"))
_SHARES = select(job_shares.c.worker, job_shares.c.datums).where(job_shares.c.job_id == bindparam("the_job"))
_ADD_SHARE = update(job_shares).where(_SHARE_OF).values(datums=job_shares.c.datums + bindparam("more"))
_INSERT_SHARE = insert(job_shares)
_DELETE_SHARES = delete(job_shares).where(job_shares.c.job_id == bindparam("the_job"))
