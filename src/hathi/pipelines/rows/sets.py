"""Rows of datum sets: what a job has to do, who does it, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from hathi.metadata.tables.pps import SetKind, SetState, datum_sets, jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.pps import JobState
from hathi.model.references import Pipeline


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


_PLAIN = [column for column in datum_sets.c if column.name != "payload"]


def topic(pipeline: Pipeline) -> str:
    """Return the feed topic that wakes workers of a pipeline."""
    return f"work/{pipeline.project}/{pipeline.name}"


def insert_row(tx: Transaction, job_id: int, seq: int, kind: SetKind, count: int, payload: bytes) -> None:
    """Add a set: ready to be claimed when there is something to run, else done."""
    state = SetState.READY if kind is SetKind.RUN else SetState.DONE
    values = {"job_id": job_id, "seq": seq, "kind": kind, "state": state, "count": count, "payload": payload}
    tx.connection.execute(insert(datum_sets).values(values))


def list_rows(tx: Transaction, job_id: int) -> list[SetRow]:
    """Return a job's sets in the plan's order."""
    return list(_rows(tx, datum_sets.c.job_id == job_id))


def payload(tx: Transaction, job_id: int, seq: int) -> bytes:
    """Return the payload of a set that exists."""
    one = (datum_sets.c.job_id == job_id) & (datum_sets.c.seq == seq)
    data: bytes = tx.connection.execute(select(datum_sets.c.payload).where(one)).scalar_one()
    return data


def find_payload(tx: Transaction, job_id: int, seq: int) -> bytes | None:
    """Return the payload of a set, None when it is gone."""
    one = (datum_sets.c.job_id == job_id) & (datum_sets.c.seq == seq)
    data: bytes | None = tx.connection.execute(select(datum_sets.c.payload).where(one)).scalar()
    return data


def known(tx: Transaction, job_id: int) -> int:
    """Return how many sets a job has."""
    count: int = tx.connection.execute(
        select(func.count()).select_from(datum_sets).where(datum_sets.c.job_id == job_id)
    ).scalar_one()
    return count


def outstanding(tx: Transaction, job_id: int) -> int:
    """Return how many of a job's sets are not done."""
    wanted = (datum_sets.c.job_id == job_id) & (datum_sets.c.state != SetState.DONE)
    count: int = tx.connection.execute(select(func.count()).select_from(datum_sets).where(wanted)).scalar_one()
    return count


def claimable(tx: Transaction, pipeline_id: int, version: int) -> SetRow | None:
    """Return the first set that a worker of this version may claim now: ready, or claimed by one that fell silent."""
    waited = datum_sets.c.not_before.is_(None) | (datum_sets.c.not_before <= tx.now)
    ready = (datum_sets.c.state == SetState.READY) & waited
    silent = (datum_sets.c.state == SetState.CLAIMED) & (datum_sets.c.expires <= tx.now)
    statement = (
        select(*_PLAIN)
        .join(jobs, jobs.c.id == datum_sets.c.job_id)
        .where(_running(pipeline_id, version), ready | silent)
        .order_by(datum_sets.c.job_id, datum_sets.c.seq)
        .limit(1)
    )
    row = tx.connection.execute(statement).first()
    return None if row is None else _set(row)


def next_due(tx: Transaction, pipeline_id: int, version: int) -> datetime | None:
    """Return when the next set becomes claimable by time alone, None when none does."""
    ready = datum_sets.c.state == SetState.READY
    claimed = datum_sets.c.state == SetState.CLAIMED
    mine = datum_sets.c.job_id.in_(select(jobs.c.id).where(_running(pipeline_id, version)))
    times = (
        tx.connection.execute(select(func.min(datum_sets.c.not_before)).where(mine, ready)).scalar(),
        tx.connection.execute(select(func.min(datum_sets.c.expires)).where(mine, claimed)).scalar(),
    )
    return min((time for time in times if time is not None), default=None)


def change(tx: Transaction, row: SetRow, **values: Any) -> None:
    """Change columns of a set's row."""
    one = (datum_sets.c.job_id == row.job_id) & (datum_sets.c.seq == row.seq)
    tx.connection.execute(update(datum_sets).where(one).values(**values))


def by_claim(tx: Transaction, claim_id: str) -> SetRow | None:
    """Return the set that was claimed under this id last, or None."""
    return next(_rows(tx, datum_sets.c.claim_id == claim_id), None)


def claimed(tx: Transaction, pipeline: Pipeline) -> list[SetRow]:
    """Return the sets of a pipeline's running jobs that workers hold."""
    named = (pipelines.c.project == pipeline.project) & (pipelines.c.name == pipeline.name)
    running = select(jobs.c.id).join(pipelines, pipelines.c.id == jobs.c.pipeline_id)
    running = running.where(named, jobs.c.state == JobState.RUNNING)
    return list(_rows(tx, datum_sets.c.job_id.in_(running) & (datum_sets.c.state == SetState.CLAIMED)))


def free(tx: Transaction, row: SetRow, *, not_before: datetime | None = None) -> None:
    """Let a set that a worker held be claimed by any; with `not_before` no sooner than then."""
    values = {"claim_id": None, "worker": "", "expires": None, "datum": "", "datum_started": None}
    change(tx, row, state=SetState.READY, not_before=not_before, **values)


def delete_rows(tx: Transaction, job_id: int) -> None:
    """Forget a job's sets."""
    tx.connection.execute(delete(datum_sets).where(datum_sets.c.job_id == job_id))


def _running(pipeline_id: int, version: int) -> ColumnElement[bool]:
    at_work = (jobs.c.state == JobState.RUNNING) & (jobs.c.stop == "")
    return (jobs.c.pipeline_id == pipeline_id) & (jobs.c.version == version) & at_work


def _rows(tx: Transaction, wanted: ColumnElement[bool]) -> Iterator[SetRow]:
    statement = select(*_PLAIN).where(wanted).order_by(datum_sets.c.job_id, datum_sets.c.seq)
    for row in tx.connection.execute(statement).all():
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
