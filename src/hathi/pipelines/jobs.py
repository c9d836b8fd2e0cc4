"""What people ask about jobs and do to them, one at a time or by commit set; waiting for them stands in `job_waits`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from hathi.metadata.paging import PAGE, stream
from hathi.metadata.transaction import Transaction
from hathi.model.errors import PreconditionError
from hathi.model.pps import DatumInput, JobInfo, JobState, WorkerInfo
from hathi.model.references import SPEC, Commit, CommitSpec, Job, Pipeline
from hathi.pipelines import ending, payloads
from hathi.pipelines.declared import Declared, declared
from hathi.pipelines.inputs import by_input_name, commits_read
from hathi.pipelines.rows import job_pages, jobs, pipelines, sets
from hathi.pipelines.rows.job_pages import Wanted
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.rows.pipelines import PipelineRow
from hathi.pipelines.rows.sets import SetRow
from hathi.versioning import lookup
from hathi.versioning.store import Store

_DETAILED = 16
"""Workers of which it is told what their datums read: that costs unpacking a set each."""

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
    return infos(tx, [jobs.get(tx, job)], details=details)[0]


def list_jobs(
    store: Store,
    *,
    projects: Sequence[str] = (),
    pipeline: Pipeline | None = None,
    inputs: Sequence[CommitSpec] = (),
    history: int = -1,
    details: bool = False,
    before: datetime | None = None,
    number: int = 0,
    reverse: bool = False,
) -> Iterator[JobInfo]:
    """Yield jobs, newest first (`reverse`: oldest first), page by page: each page shows the state of its moment.

    projects: only of these; empty means all. inputs: only jobs that read every one of these commits.
    history: with a pipeline, how many versions back (0: the present one; -1: all). before: the pagination marker, a
    creation time (after it, when reversed). number: at most so many, 0 means all. PipelineNotFound, and what resolving
    an input raises.
    """
    wanted: Wanted | None = None

    def read(tx: Transaction, after: int | None) -> tuple[list[JobInfo], int | None]:
        nonlocal wanted
        if wanted is None:
            wanted = Wanted(tuple(projects), before=before, oldest_first=reverse)
            if pipeline is not None:
                row = pipelines.get(tx, pipeline)
                oldest = 0 if history < 0 else max(row.version - history, 1)
                wanted = replace(wanted, pipeline_id=row.id, from_version=oldest)
            if inputs:
                found = [lookup.find(tx, spec) for spec in inputs]
                if any(one.repo.type == SPEC for one in found):  # what no job reads, though each has provenance on it
                    return [], None
                wanted = replace(wanted, reading=tuple(one.id for one in found))
        rows, next_after = job_pages.page(tx, wanted, after, min(number or PAGE, PAGE))
        return infos(tx, rows, details=details), next_after

    yield from islice(stream(store.db, read), number or None)


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
    return JobSet(id, tuple(infos(tx, jobs.list_set(tx, id), details=details)))


def list_sets(
    store: Store,
    *,
    projects: Sequence[str] = (),
    before: datetime | None = None,
    number: int = 0,
    reverse: bool = False,
    details: bool = False,
) -> Iterator[JobSet]:
    """Yield job sets, newest first, each whole at the place of its first job seen; arguments as for `list_jobs`."""
    wanted = Wanted(tuple(projects), before=before, oldest_first=reverse)
    seen: set[str] = set()

    def read(tx: Transaction, after: int | None) -> tuple[list[JobSet], int | None]:
        rows, next_after = job_pages.page(tx, wanted, after, min(number or PAGE, PAGE))
        fresh = [id for id in dict.fromkeys(row.job.id for row in rows) if id not in seen]
        if number:
            del fresh[number - len(seen) :]
        seen.update(fresh)
        return [inspect_set(tx, id, details=details) for id in fresh], next_after

    yield from islice(stream(store.db, read), number or None)


def infos(tx: Transaction, rows: Sequence[JobRow], *, details: bool) -> list[JobInfo]:
    """Return what is told of jobs, in their order, with a few statements for all of them.

    Each version's spec is read once, however many of the jobs run with it.
    """
    if not rows:
        return []
    examples = {(row.pipeline_id, row.version): row for row in rows}
    versions = pipelines.versions_of_jobs(tx, [row.id for row in examples.values()])
    specs = {key: declared(example.job.pipeline, versions[key]) for key, example in examples.items()}
    owners = pipelines.by_ids(tx, (row.pipeline_id for row in rows))
    read = commits_read(tx, [row.id for row in rows])
    workers = _workers(tx, rows) if details else {}
    return [
        _info(row, specs[row.pipeline_id, row.version], owners[row.pipeline_id], read, workers, details=details)
        for row in rows
    ]


def _info(
    row: JobRow,
    spec: Declared,
    pipeline: PipelineRow,
    read: Mapping[int, list[Commit]],
    workers: Mapping[int, tuple[WorkerInfo, ...]],
    *,
    details: bool,
) -> JobInfo:
    state, reason = seen(row, pipeline)
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
        spec=spec.spec if details else {},
        inputs=by_input_name(read.get(row.id, ()), spec.input),
        workers=workers.get(row.id, ()),
        images=row.images,
    )


def seen(row: JobRow, pipeline: PipelineRow) -> tuple[JobState, str]:
    """Return state and reason of a job as people are to see them: without a worker that is ready, nothing runs.

    That is not the job's own state, which tells how far it has come: workers may be back before it is written down.
    """
    if row.state is not JobState.RUNNING or pipeline.workers_ready:
        return row.state, row.reason
    return JobState.STARTING, row.reason or pipeline.reason or NO_WORKER


def _workers(tx: Transaction, rows: Sequence[JobRow]) -> dict[int, tuple[WorkerInfo, ...]]:
    at_work = {row.id: row.job.id for row in rows if not row.state.terminal}
    found: dict[int, list[WorkerInfo]] = {}
    for number, one in enumerate(sets.claimed_of_jobs(tx, at_work)):
        reads = _reads(tx, one) if number < _DETAILED else ()
        info = WorkerInfo(one.worker, at_work[one.job_id], one.datum, one.datum_started, reads)
        found.setdefault(one.job_id, []).append(info)
    return {id: tuple(workers) for id, workers in found.items()}


def _reads(tx: Transaction, at_work: SetRow) -> tuple[DatumInput, ...]:
    """Return what the datum at hand in a set reads; nothing when it is very much."""
    payload = sets.find_payload(tx, at_work.job_id, at_work.seq) if at_work.datum else None
    record = None if payload is None else payloads.find_run(payload, at_work.datum)
    return () if record is None else record.inputs
