"""Waiting for jobs: until they have ended, or for new ones to come."""

from __future__ import annotations

from collections.abc import Iterator

from hathi.model.pps import JobInfo
from hathi.model.references import Job, Pipeline
from hathi.pipelines.jobs import info
from hathi.pipelines.rows import jobs, pipelines
from hathi.pipelines.waiting import Cancelled, OnLeave, listen, never
from hathi.versioning.store import Store


def wait(
    store: Store, job: Job, *, details: bool = True, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> JobInfo:
    """Return the job once it is terminal. JobNotFound, also when it is deleted meanwhile; WaitEnded."""
    topics = (jobs.topic(job), pipelines.topic(job.pipeline))  # of a job deleted with its pipeline only this one tells
    with listen(store.db.feed, *topics, cancelled=cancelled, on_leave=on_leave) as pause:
        while True:
            with store.db.read() as tx:
                row = jobs.get(tx, job)
                if row.state.terminal:
                    return info(tx, row, details=details)
            pause()


def wait_set(
    store: Store, id: str, *, details: bool = True, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> Iterator[JobInfo]:
    """Yield the jobs of a commit set, in the order they were made, each once it is terminal."""
    with store.db.read() as tx:
        names = [row.job for row in jobs.list_rows(tx, set_id=id, oldest_first=True)]
    for job in names:
        yield wait(store, job, details=details, cancelled=cancelled, on_leave=on_leave)


def subscribe(
    store: Store,
    pipeline: Pipeline,
    *,
    details: bool = False,
    cancelled: Cancelled = never,
    on_leave: OnLeave | None = None,
) -> Iterator[JobInfo]:
    """Yield every job of a pipeline, oldest first, and then each new one as it is made, until the client leaves
    (WaitEnded).

    PipelineNotFound, also when it is deleted meanwhile.
    """
    prefixes = (f"job/{pipeline.project}/{pipeline.name}/", pipelines.topic(pipeline))
    last = 0
    with listen(store.db.feed, *prefixes, cancelled=cancelled, on_leave=on_leave) as pause:
        while True:
            with store.db.read() as tx:
                pipelines.get(tx, pipeline)
                rows = [row for row in jobs.list_rows(tx, pipeline=pipeline, oldest_first=True) if row.id > last]
                infos = [info(tx, row, details=details) for row in rows]
            yield from infos
            last = rows[-1].id if rows else last
            pause()
