"""What people ask about jobs and do to them, one at a time or by commit set; waiting for them stands in `job_waits`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from hathi.metadata.transaction import Transaction
from hathi.model.errors import PreconditionError
from hathi.model.pps import JobInfo, JobState, WorkerInfo
from hathi.model.references import Commit, Job, Pipeline
from hathi.pipelines import ending
from hathi.pipelines.declared import declared
from hathi.pipelines.inputs import by_input_name, input_commits
from hathi.pipelines.rows import jobs, pipelines, sets
from hathi.pipelines.rows.jobs import JobRow

NO_WORKER = "no worker is ready yet"


class JobFinished(PreconditionError):
    """A terminal job changes no more."""

    def __init__(self, job: Job, state: JobState) -> None:
        super().__init__(f"job {job} has already finished (state: {state.name.lower()})")
        self.job = job


@dataclass(frozen=True, slots=True)
class JobSet:
    """The jobs that share an id, in the order they were made."""

    id: str
    jobs: tuple[JobInfo, ...]


def inspect(tx: Transaction, job: Job, *, details: bool = True) -> JobInfo:
    """Return a job; JobNotFound. Without details the spec and the workers are left out."""
    return info(tx, jobs.get(tx, job), details=details)


def list_jobs(
    tx: Transaction,
    *,
    projects: Sequence[str] = (),
    pipeline: Pipeline | None = None,
    inputs: Sequence[Commit] = (),
    history: int = -1,
    details: bool = False,
    before: datetime | None = None,
    number: int = 0,
    reverse: bool = False,
) -> Iterator[JobInfo]:
    """Yield jobs, newest first (`reverse`: oldest first).

    projects: only of these; empty means all. inputs: only jobs that read every one of these commits.
    history: with a pipeline, how many versions back (0: the present one; -1: all). before: the pagination marker, a
    creation time (after it, when reversed). number: at most so many, 0 means all. PipelineNotFound.
    """
    oldest = 0
    if pipeline is not None:
        present = pipelines.get(tx, pipeline).version
        oldest = 0 if history < 0 else max(present - history, 1)
    rows: Iterator[JobRow] = jobs.list_rows(
        tx, projects=projects, pipeline=pipeline, from_version=oldest, before=before, oldest_first=reverse
    )
    if inputs:
        rows = (row for row in rows if set(inputs) <= set(input_commits(tx, row.job)))
    for row in islice(rows, number or None):
        yield info(tx, row, details=details)


def stop(tx: Transaction, job: Job, *, reason: str = "") -> None:
    """Have a job killed; its controller does so as soon as the transaction has committed. JobNotFound.

    A job that has ended stays as it is, and that is no error: whoever stops a job may come too late.
    """
    row = jobs.get(tx, job)
    if not row.state.terminal:
        ending.stop(tx, row, reason or ending.STOPPED)


def delete(tx: Transaction, job: Job) -> None:
    """Hide the record of a job, which is killed when it is unfinished. Its commits stay. JobNotFound."""
    row = jobs.get(tx, job)
    if not row.state.terminal:
        ending.stop(tx, row, ending.STOPPED)
    jobs.change(tx, row, hidden=True)


def update_state(tx: Transaction, job: Job, state: JobState, reason: str = "") -> None:
    """Take a job's state from outside (UpdateJobState). JobNotFound; JobFinished.

    A terminal state has the job killed, for only its controller can compose a result; of others the reason is recorded.
    """
    row = jobs.get(tx, job)
    if row.state.terminal:
        raise JobFinished(job, row.state)
    if state.terminal:
        ending.stop(tx, row, reason or ending.STOPPED)
    else:
        jobs.change(tx, row, reason=reason)


def inspect_set(tx: Transaction, id: str, *, details: bool = True) -> JobSet:
    """Return the jobs of a commit set (none: an empty one)."""
    rows = list(jobs.list_rows(tx, set_id=id, oldest_first=True))
    return JobSet(id, tuple(info(tx, row, details=details) for row in rows))


def list_sets(
    tx: Transaction,
    *,
    projects: Sequence[str] = (),
    before: datetime | None = None,
    number: int = 0,
    reverse: bool = False,
    details: bool = False,
) -> Iterator[JobSet]:
    """Yield job sets, newest first, each whole at the place of its first job seen; arguments as for `list_jobs`."""
    seen: set[str] = set()
    for row in jobs.list_rows(tx, projects=projects, before=before, oldest_first=reverse):
        if number and len(seen) >= number:
            return
        if row.job.id not in seen:
            seen.add(row.job.id)
            yield inspect_set(tx, row.job.id, details=details)


def info(tx: Transaction, row: JobRow, *, details: bool) -> JobInfo:
    """Return what is told of a job."""
    version = declared(row.job.pipeline, pipelines.version(tx, row.pipeline_id, row.version))
    state, reason = seen(tx, row)
    return JobInfo(
        job=row.job,
        version=row.version,
        state=state,
        reason=reason,
        created=row.created,
        started=row.started,
        finished=row.finished,
        restarts=row.restarts,
        counters=row.counters,
        stats=row.stats,
        output_commit=row.job.pipeline.output.commit(row.job.id),
        spec=version.spec if details else {},
        inputs=by_input_name(tx, row.job, version.input),
        workers=_workers(tx, row) if details else (),
        images=row.images,
    )


def seen(tx: Transaction, row: JobRow) -> tuple[JobState, str]:
    """Return state and reason of a job as people are to see them: without a worker that is ready, nothing runs.

    That is not the job's own state, which tells how far it has come: workers may be back before it is written down.
    """
    if row.state is not JobState.RUNNING:
        return row.state, row.reason
    pipeline = pipelines.find(tx, row.job.pipeline)
    if pipeline is None or pipeline.workers_ready:
        return row.state, row.reason
    return JobState.STARTING, row.reason or pipeline.reason or NO_WORKER


def _workers(tx: Transaction, row: JobRow) -> tuple[WorkerInfo, ...]:
    at_work = sets.claimed_of_job(tx, row.id)
    return tuple(WorkerInfo(found.worker, row.job.id, found.datum, found.datum_started) for found in at_work)
