"""Rows of jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, insert, select, update

from hathi.metadata.tables.pps import jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.ids import CommitSetId
from hathi.model.pps import Counters, JobState, Stats
from hathi.model.references import Job, Pipeline
from hathi.pipelines.rows.pipelines import PipelineRow
from hathi.pipelines.rows.pipelines import topic as pipeline_topic

TERMINAL = tuple(state for state in JobState if state.terminal)


class JobNotFound(NotFoundError):
    """No job has this name."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job} not found")
        self.job = job


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job, see `metadata.tables.pps`. `branch` is the branch of the output repo that its commit was made on."""

    id: int
    pipeline_id: int
    job: Job
    version: int
    branch: str
    state: JobState
    reason: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    restarts: int
    planned: bool
    stop: str
    index_root: bytes | None
    complete: bool
    counters: Counters
    stats: Stats
    failed_datum: str


def topic(job: Job) -> str:
    """Return the feed topic of a job."""
    return f"job/{job.pipeline.project}/{job.pipeline.name}/{job.id}"


def find(tx: Transaction, job: Job, *, hidden: bool = False) -> JobRow | None:
    """Return a job, or None; `hidden`: also one whose record was deleted."""
    named = (
        (jobs.c.set_id == job.id)
        & (pipelines.c.project == job.pipeline.project)
        & (pipelines.c.name == job.pipeline.name)
    )
    visible = () if hidden else (~jobs.c.hidden,)
    return next(_rows(tx, _joined().where(named, *visible)), None)


def get(tx: Transaction, job: Job) -> JobRow:
    """Return a job; JobNotFound."""
    row = find(tx, job)
    if row is None:
        raise JobNotFound(job)
    return row


def insert_row(tx: Transaction, pipeline: PipelineRow, id: CommitSetId, branch: str) -> None:
    """Add a job for the present version of a pipeline, and tell."""
    values = {
        "pipeline_id": pipeline.id,
        "set_id": id,
        "version": pipeline.version,
        "branch": branch,
        "state": JobState.CREATED,
        "created": tx.now,
    }
    tx.connection.execute(insert(jobs).values(values))
    tx.emit(topic(Job(pipeline.pipeline, id)))
    tx.emit(pipeline_topic(pipeline.pipeline))


def change(tx: Transaction, row: JobRow, **values: Any) -> None:
    """Change columns of a job's row, and tell; a change of state is told of the pipeline, too."""
    tx.connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
    tx.emit(topic(row.job))
    if "state" in values:
        tx.emit(pipeline_topic(row.job.pipeline))


def add(tx: Transaction, row: JobRow, sums: Mapping[str, float]) -> None:
    """Add to counting columns of a job's row, and tell."""
    values = {name: jobs.c[name] + value for name, value in sums.items() if value}
    if values:
        tx.connection.execute(update(jobs).where(jobs.c.id == row.id).values(values))
    tx.emit(topic(row.job))


def by_id(tx: Transaction, id: int) -> JobRow:
    """Return the job with that row id, which exists."""
    return next(_rows(tx, _joined().where(jobs.c.id == id)))


def list_rows(
    tx: Transaction,
    *,
    projects: Sequence[str] = (),
    pipeline: Pipeline | None = None,
    set_id: str = "",
    from_version: int = 0,
    before: datetime | None = None,
    oldest_first: bool = False,
) -> Iterator[JobRow]:
    """Yield jobs that are not hidden, newest first unless asked otherwise; what is given narrows them.

    before: only those created before that time, or after it when the oldest come first.
    """
    wanted: list[ColumnElement[bool]] = [~jobs.c.hidden]
    if projects:
        wanted.append(pipelines.c.project.in_(projects))
    if pipeline:
        wanted += [pipelines.c.project == pipeline.project, pipelines.c.name == pipeline.name]
    if set_id:
        wanted.append(jobs.c.set_id == set_id)
    if from_version:
        wanted.append(jobs.c.version >= from_version)
    if before:
        wanted.append(jobs.c.created > before if oldest_first else jobs.c.created < before)
    order = jobs.c.id.asc() if oldest_first else jobs.c.id.desc()
    yield from _rows(tx, _joined().where(*wanted).order_by(order))


def unfinished(tx: Transaction, pipeline_id: int | None = None) -> list[JobRow]:
    """Return the jobs that are not terminal, oldest first; of one pipeline when given."""
    wanted: list[ColumnElement[bool]] = [jobs.c.state.not_in(TERMINAL)]
    if pipeline_id is not None:
        wanted.append(jobs.c.pipeline_id == pipeline_id)
    return list(_rows(tx, _joined().where(*wanted).order_by(jobs.c.id)))


def before(tx: Transaction, row: JobRow) -> Iterator[JobRow]:
    """Yield the jobs before this one on its branch, the latest first, hidden or not."""
    same = (jobs.c.pipeline_id == row.pipeline_id) & (jobs.c.branch == row.branch) & (jobs.c.id < row.id)
    yield from _rows(tx, _joined().where(same).order_by(jobs.c.id.desc()))


def unfinished_before(tx: Transaction, row: JobRow) -> bool:
    """Return whether a job before this one on its branch has not ended."""
    earlier = (jobs.c.pipeline_id == row.pipeline_id) & (jobs.c.branch == row.branch) & (jobs.c.id < row.id)
    found = select(jobs.c.id).where(earlier, jobs.c.state.not_in(TERMINAL)).limit(1)
    return tx.connection.execute(found).first() is not None


def last_state(tx: Transaction, pipeline_id: int) -> JobState | None:
    """Return the state of a pipeline's latest job, None when it has none."""
    latest = select(jobs.c.state).where(jobs.c.pipeline_id == pipeline_id, ~jobs.c.hidden)
    state: JobState | None = tx.connection.execute(latest.order_by(jobs.c.id.desc()).limit(1)).scalar()
    return state


def _joined() -> Select[Any]:
    return select(jobs, pipelines.c.project, pipelines.c.name).join(pipelines, pipelines.c.id == jobs.c.pipeline_id)


def _rows(tx: Transaction, statement: Select[Any]) -> Iterator[JobRow]:
    for row in tx.connection.execute(statement):
        yield _job(row)


def _job(row: Row[Any]) -> JobRow:
    return JobRow(
        id=row.id,
        pipeline_id=row.pipeline_id,
        job=Job(Pipeline(row.project, row.name), row.set_id),
        version=row.version,
        branch=row.branch,
        state=row.state,
        reason=row.reason,
        created=row.created,
        started=row.started,
        finished=row.finished,
        restarts=row.restarts,
        planned=row.planned,
        stop=row.stop,
        index_root=row.index_root,
        complete=row.complete,
        counters=Counters(row.processed, row.skipped, row.failed, row.recovered, row.total),
        stats=Stats(
            row.download_seconds, row.process_seconds, row.upload_seconds, row.download_bytes, row.upload_bytes
        ),
        failed_datum=row.failed_datum,
    )
