"""Rows of jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Row, Select, bindparam, insert, select, update

from hathi.metadata.tables.pps import jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.ids import CommitSetId
from hathi.model.pps import Counters, JobState, Stats
from hathi.model.references import Job, Pipeline
from hathi.pipelines.rows.pipelines import PipelineRow
from hathi.pipelines.rows.pipelines import topic as pipeline_topic

NOT_BEGUN = (JobState.CREATED, JobState.STARTING)

NEVER = (1 << 63) - 1
"""A key that no job has: the greatest that a column holds."""


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
    hidden: bool
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
    return next(read(tx, _FIND if hidden else _FIND_VISIBLE, named), None)


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
        "project": pipeline.pipeline.project,
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
    return next(read(tx, _BY_ID, {"the_job": id}))


def list_set(tx: Transaction, set_id: str, *, project: str = "") -> list[JobRow]:
    """Return the jobs of a job set that are not hidden, oldest first; with `project` only those of it."""
    found = sorted(read(tx, _OF_SET, {"the_set": set_id}), key=lambda row: row.id)
    return [row for row in found if not row.hidden and project in ("", row.job.pipeline.project)]


def newest(tx: Transaction, pipeline_id: int) -> int:
    """Return the key of a pipeline's latest job that is not hidden, 0 when it has none."""
    found: int | None = tx.connection.execute(_NEWEST, {"the_pipeline": pipeline_id}).scalar()
    return found or 0


def behind(tx: Transaction, pipeline_id: int, after: int, number: int) -> list[JobRow]:
    """Return up to `number` jobs of a pipeline behind a key that are not hidden, oldest first."""
    return list(read(tx, _BEHIND, {"the_pipeline": pipeline_id, "the_job": after, "the_number": number}))


def unfinished_behind(tx: Transaction, pipeline_id: int, after: int, until: int, number: int) -> list[JobRow]:
    """Return those of the jobs behind a key, up to another one, that have not ended."""
    named = {"the_pipeline": pipeline_id, "the_job": after, "the_last": until, "the_number": number}
    return [row for row in read(tx, _UNFINISHED_BEHIND, named) if not row.hidden]


def unfinished(tx: Transaction, pipeline_id: int | None = None, number: int | None = None) -> list[JobRow]:
    """Return the jobs that are not terminal, oldest first, at most `number` if given; of one pipeline when given."""
    statement = _UNFINISHED if pipeline_id is None else _UNFINISHED_OF
    if number is not None:
        statement = statement.limit(number)
    return list(read(tx, statement, None if pipeline_id is None else {"the_pipeline": pipeline_id}))


def any_unfinished(tx: Transaction, pipeline_id: int) -> bool:
    """Return whether a job of a pipeline has not ended."""
    return tx.connection.execute(_ANY_UNFINISHED, {"the_pipeline": pipeline_id}).first() is not None


def any_at_work(tx: Transaction, pipeline_id: int) -> bool:
    """Return whether a job of a pipeline has begun and not ended."""
    return tx.connection.execute(_ANY_AT_WORK, {"the_pipeline": pipeline_id}).first() is not None


def last_complete(tx: Transaction, pipeline_id: int, branch: str, before: int = NEVER) -> JobRow | None:
    """Return the latest job on a branch of the output repo that left a complete index; one before a key, if given."""
    place = {"the_pipeline": pipeline_id, "the_branch": branch, "the_job": before}
    return next(read(tx, _LAST_COMPLETE, place), None)


def incomplete_since(tx: Transaction, row: JobRow, base: int, number: int) -> list[JobRow]:
    """Return the jobs without a complete index behind the key `base` and before this one on its branch, the latest
    first; at most `number`, and no older ones then.
    """
    return list(read(tx, _INCOMPLETE_SINCE, {**_place(row), "the_base": base, "the_number": number}))


def successes_before(tx: Transaction, row: JobRow, number: int) -> list[JobRow]:
    """Return the latest jobs before this one on its branch that succeeded, the latest first, at most `number`."""
    return list(read(tx, _SUCCESSES_BEFORE, {**_place(row), "the_number": number}))


def unfinished_before(tx: Transaction, row: JobRow, number: int) -> list[JobRow]:
    """Return jobs before this one on its branch that have not ended, the latest first, at most `number`."""
    return list(read(tx, _UNFINISHED_BEFORE, {**_place(row), "the_number": number}))


def count_unfinished_before(tx: Transaction, row: JobRow, most: int) -> int:
    """Return how many jobs before this one on its branch have not ended, counting up to `most`."""
    return len(tx.connection.execute(_COUNT_UNFINISHED_BEFORE, {**_place(row), "the_number": most}).all())


def waiting_before(tx: Transaction, row: JobRow) -> bool:
    """Return whether a job before this one on its branch has not begun, and so may still wait for its inputs.

    Costs as much as there are unfinished ones before it.
    """
    return tx.connection.execute(_WAITING_BEFORE, _place(row)).first() is not None


def last_state(tx: Transaction, pipeline_id: int) -> JobState | None:
    """Return the state of a pipeline's latest job, None when it has none."""
    state: JobState | None = tx.connection.execute(_LAST_STATE, {"the_pipeline": pipeline_id}).scalar()
    return state


def _place(row: JobRow) -> Mapping[str, object]:
    return {"the_pipeline": row.pipeline_id, "the_branch": row.branch, "the_job": row.id}


def read(tx: Transaction, statement: Select[Any], values: Mapping[str, object] | None = None) -> Iterator[JobRow]:
    """Yield the rows of a statement like `JOBS`."""
    for row in tx.connection.execute(statement, values):
        yield row_of(row)


def row_of(row: Row[Any]) -> JobRow:
    """Return what a row of such a statement holds."""
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
        hidden=row.hidden,
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
JOBS = select(jobs, pipelines.c.name).join(pipelines, pipelines.c.id == jobs.c.pipeline_id)
"""Statement for jobs, which `read` and `row_of` read."""
VISIBLE = JOBS.where(~jobs.c.hidden)
"""Statement for those whose record was not deleted."""
_ONE = jobs.c.id == bindparam("the_job")
_OF_PIPELINE = jobs.c.pipeline_id == bindparam("the_pipeline")
_ON_BRANCH = _OF_PIPELINE & (jobs.c.branch == bindparam("the_branch"))
_EARLIER = _ON_BRANCH & (jobs.c.id < bindparam("the_job"))
_OPEN = jobs.c.finished.is_(None)  # what partial indexes are of
_NUMBER: BindParameter[int] = bindparam("the_number")

_INSERT = insert(jobs)
_CHANGE = update(jobs).where(_ONE)
_BY_ID = JOBS.where(_ONE)
_FIND = JOBS.where(
    jobs.c.set_id == bindparam("the_set"),
    pipelines.c.project == bindparam("the_project"),
    pipelines.c.name == bindparam("the_name"),
)
_FIND_VISIBLE = _FIND.where(~jobs.c.hidden)
_OF_SET = JOBS.where(jobs.c.set_id == bindparam("the_set"))
_UNFINISHED = JOBS.where(_OPEN).order_by(jobs.c.id)
_UNFINISHED_OF = _UNFINISHED.where(_OF_PIPELINE)
_BEHIND = VISIBLE.where(_OF_PIPELINE, jobs.c.id > bindparam("the_job")).order_by(jobs.c.id).limit(_NUMBER)
_UNFINISHED_BEHIND = _UNFINISHED_OF.where(jobs.c.id > bindparam("the_job"), jobs.c.id <= bindparam("the_last")).limit(
    _NUMBER
)
_NEWEST = select(jobs.c.id).where(_OF_PIPELINE, ~jobs.c.hidden).order_by(jobs.c.id.desc()).limit(1)
_ANY_UNFINISHED = select(jobs.c.id).where(_OF_PIPELINE, _OPEN).limit(1)
_ANY_AT_WORK = _ANY_UNFINISHED.where(jobs.c.state.not_in(NOT_BEGUN))
_LAST_COMPLETE = JOBS.where(_EARLIER, jobs.c.complete).order_by(jobs.c.id.desc()).limit(1)
_INCOMPLETE_SINCE = (
    JOBS.where(_EARLIER, ~jobs.c.complete, jobs.c.id > bindparam("the_base")).order_by(jobs.c.id.desc()).limit(_NUMBER)
)
_SUCCESSES_BEFORE = JOBS.where(_EARLIER, jobs.c.state == JobState.SUCCESS).order_by(jobs.c.id.desc()).limit(_NUMBER)
_UNFINISHED_BEFORE = JOBS.where(_EARLIER, _OPEN).order_by(jobs.c.id.desc()).limit(_NUMBER)
_COUNT_UNFINISHED_BEFORE = select(jobs.c.id).where(_EARLIER, _OPEN).order_by(jobs.c.id.desc()).limit(_NUMBER)
_WAITING_BEFORE = select(jobs.c.id).where(_EARLIER, jobs.c.started.is_(None), _OPEN).limit(1)
_LAST_STATE = select(jobs.c.state).where(_OF_PIPELINE, ~jobs.c.hidden).order_by(jobs.c.id.desc()).limit(1)
