"""Rows of jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, insert, select, update

from hathi.metadata.tables.pps import jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.ids import CommitSetId
from hathi.model.pps import Counters, JobState, Stats
from hathi.model.references import Job, Pipeline
from hathi.pipelines.rows.pipelines import PipelineRow
from hathi.pipelines.rows.pipelines import topic as pipeline_topic

TERMINAL = tuple(state for state in JobState if state.terminal)
NOT_BEGUN = (JobState.CREATED, JobState.STARTING)


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
    planned_early: bool
    planned: bool
    stop: str
    broken: str
    index_root: bytes | None
    complete: bool
    counters: Counters
    stats: Stats
    failed_datum: str
    failed_reason: str
    images: tuple[str, ...]


def topic(job: Job) -> str:
    """Return the feed topic of a job."""
    return f"job/{job.pipeline.project}/{job.pipeline.name}/{job.id}"


def find(tx: Transaction, job: Job, *, hidden: bool = False) -> JobRow | None:
    """Return a job, or None; `hidden`: also one whose record was deleted."""
    named = {"the_set": job.id, "the_project": job.pipeline.project, "the_name": job.pipeline.name}
    return next(_rows(tx, _FIND if hidden else _FIND_VISIBLE, named), None)


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
    tx.connection.execute(_INSERT, values)
    tx.emit(topic(Job(pipeline.pipeline, id)))
    tx.emit(pipeline_topic(pipeline.pipeline))


def change(tx: Transaction, row: JobRow, **values: Any) -> None:
    """Change columns of a job's row, and tell; a change of state is told of the pipeline, too."""
    tx.connection.execute(_CHANGE, {"the_job": row.id, **values})
    tx.emit(topic(row.job))
    if "state" in values:
        tx.emit(pipeline_topic(row.job.pipeline))


def note(tx: Transaction, row: JobRow, reason: str) -> None:
    """Change the reason of a job, and tell nobody."""
    tx.connection.execute(_CHANGE, {"the_job": row.id, "reason": reason})


def add(tx: Transaction, row: JobRow, sums: Mapping[str, float]) -> None:
    """Add to counting columns of a job's row, and tell."""
    values = {name: jobs.c[name] + value for name, value in sums.items() if value}
    if values:
        tx.connection.execute(update(jobs).where(jobs.c.id == row.id).values(values))
    tx.emit(topic(row.job))


def by_id(tx: Transaction, id: int) -> JobRow:
    """Return the job with that row id, which exists."""
    return next(_rows(tx, _BY_ID, {"the_job": id}))


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
    yield from _rows(tx, _JOBS.where(*wanted).order_by(order))


def unfinished(tx: Transaction, pipeline_id: int | None = None) -> list[JobRow]:
    """Return the jobs that are not terminal, oldest first; of one pipeline when given."""
    if pipeline_id is None:
        return list(_rows(tx, _UNFINISHED))
    return list(_rows(tx, _UNFINISHED_OF, {"the_pipeline": pipeline_id}))


def before(tx: Transaction, row: JobRow) -> Iterator[JobRow]:
    """Yield the jobs before this one on its branch, the latest first, hidden or not."""
    yield from _rows(tx, _BEFORE, _place(row))


def unfinished_before(tx: Transaction, row: JobRow) -> bool:
    """Return whether a job before this one on its branch has not ended."""
    return tx.connection.execute(_UNFINISHED_BEFORE, _place(row)).first() is not None


def waiting_before(tx: Transaction, row: JobRow) -> bool:
    """Return whether a job before this one on its branch has not begun, and so may still wait for its inputs."""
    return tx.connection.execute(_WAITING_BEFORE, _place(row)).first() is not None


def last_state(tx: Transaction, pipeline_id: int) -> JobState | None:
    """Return the state of a pipeline's latest job, None when it has none."""
    state: JobState | None = tx.connection.execute(_LAST_STATE, {"the_pipeline": pipeline_id}).scalar()
    return state


def _place(row: JobRow) -> Mapping[str, object]:
    return {"the_pipeline": row.pipeline_id, "the_branch": row.branch, "the_job": row.id}


def _rows(tx: Transaction, statement: Select[Any], values: Mapping[str, object] | None = None) -> Iterator[JobRow]:
    for row in tx.connection.execute(statement, values):
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
        planned_early=row.planned_early,
        planned=row.planned,
        stop=row.stop,
        broken=row.broken,
        index_root=row.index_root,
        complete=row.complete,
        counters=Counters(row.processed, row.skipped, row.failed, row.recovered, row.total),
        stats=Stats(
            row.download_seconds, row.process_seconds, row.upload_seconds, row.download_bytes, row.upload_bytes
        ),
        failed_datum=row.failed_datum,
        failed_reason=row.failed_reason,
        images=tuple(row.images or ()),
    )


# Statements that controllers and workers need all the time are built once: building one costs more than running it.
_JOBS = select(jobs, pipelines.c.project, pipelines.c.name).join(pipelines, pipelines.c.id == jobs.c.pipeline_id)
_ONE = jobs.c.id == bindparam("the_job")
_OF_PIPELINE = jobs.c.pipeline_id == bindparam("the_pipeline")
_EARLIER = _OF_PIPELINE & (jobs.c.branch == bindparam("the_branch")) & (jobs.c.id < bindparam("the_job"))
_OPEN = jobs.c.state.not_in(TERMINAL)

_INSERT = insert(jobs)
_CHANGE = update(jobs).where(_ONE)
_BY_ID = _JOBS.where(_ONE)
_FIND = _JOBS.where(
    jobs.c.set_id == bindparam("the_set"),
    pipelines.c.project == bindparam("the_project"),
    pipelines.c.name == bindparam("the_name"),
)
_FIND_VISIBLE = _FIND.where(~jobs.c.hidden)
_UNFINISHED = _JOBS.where(_OPEN).order_by(jobs.c.id)
_UNFINISHED_OF = _UNFINISHED.where(_OF_PIPELINE)
_BEFORE = _JOBS.where(_EARLIER).order_by(jobs.c.id.desc())
_UNFINISHED_BEFORE = select(jobs.c.id).where(_EARLIER, _OPEN).limit(1)
_WAITING_BEFORE = select(jobs.c.id).where(_EARLIER, jobs.c.state.in_(NOT_BEGUN)).limit(1)
_LAST_STATE = select(jobs.c.state).where(_OF_PIPELINE, ~jobs.c.hidden).order_by(jobs.c.id.desc()).limit(1)
