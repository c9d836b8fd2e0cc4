"""Rows of datum sets: what a job has to do, who does it, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update

from hathi.metadata.tables.pps import SetKind, SetState, datum_sets, jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.pps import JobState
from hathi.model.references import Pipeline
from hathi.pipelines.sharing import Part


@dataclass(frozen=True, slots=True)
class SetRow:
    """A datum set without its payload, see `metadata.tables.pps`."""

    job_id: int
    seq: int
    kind: SetKind
    state: SetState
    count: int
    claim_id: str | None
    worker: str
    expires: datetime | None
    datum: str
    datum_started: datetime | None
    cancelled: tuple[str, ...]
    attempts: int
    index_root: bytes | None


def topic(pipeline: Pipeline) -> str:
    """Return the feed topic that wakes workers of a pipeline."""
    return f"work/{pipeline.project}/{pipeline.name}"


def insert_row(tx: Transaction, job_id: int, seq: int, kind: SetKind, count: int, payload: bytes) -> None:
    """Add a set: ready to be claimed when there is something to run, else done."""
    state = SetState.READY if kind is SetKind.RUN else SetState.DONE
    values = {"job_id": job_id, "seq": seq, "kind": kind, "state": state, "count": count, "payload": payload}
    tx.connection.execute(_INSERT, values)


def list_rows(tx: Transaction, job_id: int) -> list[SetRow]:
    """Return a job's sets in the plan's order."""
    return list(_rows(tx, _OF_JOB, {"the_job": job_id}))


def payload(tx: Transaction, job_id: int, seq: int) -> bytes:
    """Return the payload of a set that exists."""
    data: bytes = tx.connection.execute(_PAYLOAD, {"the_job": job_id, "the_seq": seq}).scalar_one()
    return data


def find_payload(tx: Transaction, job_id: int, seq: int) -> bytes | None:
    """Return the payload of a set, None when it is gone."""
    data: bytes | None = tx.connection.execute(_PAYLOAD, {"the_job": job_id, "the_seq": seq}).scalar()
    return data


def known(tx: Transaction, job_id: int) -> int:
    """Return how many sets a job has."""
    count: int = tx.connection.execute(_KNOWN, {"the_job": job_id}).scalar_one()
    return count


def outstanding(tx: Transaction, job_id: int) -> int:
    """Return how many of a job's sets are not done."""
    count: int = tx.connection.execute(_OUTSTANDING, {"the_job": job_id}).scalar_one()
    return count


def claimable(tx: Transaction, pipeline_id: int, version: int) -> SetRow | None:
    """Return the first set that a worker of this version may claim now: ready, or claimed by one that fell silent."""
    group = {"the_pipeline": pipeline_id, "the_version": version}
    row = tx.connection.execute(_CLAIMABLE, {**group, "now": tx.now}).first()
    return None if row is None else _set(row)


def next_due(tx: Transaction, pipeline_id: int, version: int) -> datetime | None:
    """Return when the next set becomes claimable by time alone, None when none does."""
    group = {"the_pipeline": pipeline_id, "the_version": version}
    times = (tx.connection.execute(statement, group).scalar() for statement in (_NEXT_READY, _NEXT_SILENT))
    return min((time for time in times if time is not None), default=None)


def parts(tx: Transaction, job_id: int) -> tuple[list[Part], int]:
    """Return what each worker had of a job, and how many of its datums nobody had."""
    datums: dict[str, int] = {}
    busy: set[str] = set()
    for worker, state, count in tx.connection.execute(_PARTS, {"the_job": job_id}):
        holder = worker if state is not SetState.READY else ""
        datums[holder] = datums.get(holder, 0) + int(count)
        if state is SetState.CLAIMED:
            busy.add(holder)
    left = datums.pop("", 0)
    return [Part(worker, count, worker in busy) for worker, count in datums.items()], left


def change(tx: Transaction, row: SetRow, **values: Any) -> None:
    """Change columns of a set's row."""
    tx.connection.execute(_CHANGE, {"the_job": row.job_id, "the_seq": row.seq, **values})


def by_claim(tx: Transaction, claim_id: str) -> SetRow | None:
    """Return the set that was claimed under this id last, or None."""
    return next(_rows(tx, _BY_CLAIM, {"the_claim": claim_id}), None)


def claimed(tx: Transaction, pipeline: Pipeline) -> list[SetRow]:
    """Return the sets of a pipeline's running jobs that workers hold."""
    return list(_rows(tx, _HELD, {"the_project": pipeline.project, "the_name": pipeline.name}))


def free(tx: Transaction, row: SetRow, *, not_before: datetime | None = None) -> None:
    """Let a set that a worker held be claimed by any; with `not_before` no sooner than then."""
    values = {"claim_id": None, "worker": "", "expires": None, "datum": "", "datum_started": None}
    change(tx, row, state=SetState.READY, not_before=not_before, **values)


def delete_rows(tx: Transaction, job_id: int) -> None:
    """Forget a job's sets."""
    tx.connection.execute(_DELETE, {"the_job": job_id})


def _rows(tx: Transaction, statement: Select[Any], values: Mapping[str, object]) -> Iterator[SetRow]:
    for row in tx.connection.execute(statement, values).all():
        yield _set(row)


def _set(row: Row[Any]) -> SetRow:
    return SetRow(
        job_id=row.job_id,
        seq=row.seq,
        kind=row.kind,
        state=row.state,
        count=row._mapping["count"],
        claim_id=row.claim_id,
        worker=row.worker,
        expires=row.expires,
        datum=row.datum,
        datum_started=row.datum_started,
        cancelled=tuple(row.cancelled or ()),
        attempts=row.attempts,
        index_root=row.index_root,
    )


# Statements are built once: every datum set passes here several times, and building one costs more than running it.
_SETS = select(*(column for column in datum_sets.c if column.name != "payload"))
_ORDER = (datum_sets.c.job_id, datum_sets.c.seq)
_IN_JOB = datum_sets.c.job_id == bindparam("the_job")
_ONE = _IN_JOB & (datum_sets.c.seq == bindparam("the_seq"))
_READY = datum_sets.c.state == SetState.READY
_CLAIMED = datum_sets.c.state == SetState.CLAIMED
_OF_GROUP = (jobs.c.pipeline_id == bindparam("the_pipeline")) & (jobs.c.version == bindparam("the_version"))
_AT_WORK = _OF_GROUP & (jobs.c.state == JobState.RUNNING) & (jobs.c.stop == "")
_MINE = datum_sets.c.job_id.in_(select(jobs.c.id).where(_AT_WORK))
_OF_PIPELINE = (pipelines.c.project == bindparam("the_project")) & (pipelines.c.name == bindparam("the_name"))
_RUNNING = (
    select(jobs.c.id)
    .join(pipelines, pipelines.c.id == jobs.c.pipeline_id)
    .where(_OF_PIPELINE, jobs.c.state == JobState.RUNNING)
)

_INSERT = insert(datum_sets)
_CHANGE = update(datum_sets).where(_ONE)
_DELETE = delete(datum_sets).where(_IN_JOB)
_OF_JOB = _SETS.where(_IN_JOB).order_by(*_ORDER)
_BY_CLAIM = _SETS.where(datum_sets.c.claim_id == bindparam("the_claim"))
_HELD = _SETS.where(datum_sets.c.job_id.in_(_RUNNING), _CLAIMED).order_by(*_ORDER)
_PAYLOAD = select(datum_sets.c.payload).where(_ONE)
_KNOWN = select(func.count()).select_from(datum_sets).where(_IN_JOB)
_OUTSTANDING = _KNOWN.where(datum_sets.c.state != SetState.DONE)
_PARTS = (
    select(datum_sets.c.worker, datum_sets.c.state, func.sum(datum_sets.c.count))
    .where(_IN_JOB, datum_sets.c.kind == SetKind.RUN)
    .group_by(datum_sets.c.worker, datum_sets.c.state)
)
_NEXT_READY = select(func.min(datum_sets.c.not_before)).where(_MINE, _READY)
_NEXT_SILENT = select(func.min(datum_sets.c.expires)).where(_MINE, _CLAIMED)
_WAITED = datum_sets.c.not_before.is_(None) | (datum_sets.c.not_before <= bindparam("now"))
_CLAIMABLE = (
    _SETS.join(jobs, jobs.c.id == datum_sets.c.job_id)
    .where(_AT_WORK, (_READY & _WAITED) | (_CLAIMED & (datum_sets.c.expires <= bindparam("now"))))
    .order_by(*_ORDER)
    .limit(1)
)
