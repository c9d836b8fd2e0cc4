"""Waiting for jobs: until they have ended, or for new ones to come.

Who is woken looks at one row, or at the jobs made since the last look; many who wait for the same share a look.
"""

from __future__ import annotations

from collections.abc import Iterator

from hathi.model.pps import JobInfo
from hathi.model.references import Job, Pipeline
from hathi.pipelines.jobs import infos
from hathi.pipelines.rows import jobs, pipelines
from hathi.pipelines.waiting import Cancelled, OnLeave, listen, never
from hathi.versioning.store import Store

_PAGE = 100
"""Jobs that a subscriber reads at once."""


def wait(
    store: Store, job: Job, *, details: bool = True, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> JobInfo:
    """Return the job once it is terminal. JobNotFound, also when it is deleted meanwhile; WaitEnded."""

    def look() -> JobInfo | None:
        with store.db.read() as tx:
            row = jobs.get(tx, job)
            return infos(tx, [row], details=details)[0] if row.state.terminal else None

    with listen(store.db.feed, jobs.topic(job), cancelled=cancelled, on_leave=on_leave) as pause:
        while (info := pause.look(("job", job, details), look)) is None:
            pause()
        return info


def wait_set(
    store: Store, id: str, *, details: bool = True, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> Iterator[JobInfo]:
    """Yield the jobs of a commit set, in the order they were made, each once it is terminal."""
    with store.db.read() as tx:
        names = [row.job for row in jobs.list_set(tx, id)]
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
    """Yield the jobs of a pipeline that have not ended, oldest first, and then each new one as it is made, until the
    client leaves (WaitEnded).

    PipelineNotFound, also when it is deleted meanwhile.
    """
    last, until = 0, -1  # up to `until` jobs are as old as the subscription, and those that have ended left out

    def look() -> tuple[int, int, list[JobInfo]]:
        with store.db.read() as tx:
            id = pipelines.get(tx, pipeline).id
            old = until if until >= 0 else jobs.newest(tx, id)
            rows = jobs.unfinished_behind(tx, id, last, old, _PAGE) if last < old else []
            behind = rows[-1].id if rows else max(last, old)
            if not rows:
                rows = jobs.behind(tx, id, behind, _PAGE)
                behind = rows[-1].id if rows else behind
            return behind, old, infos(tx, rows, details=details)

    topics = (f"job/{pipeline.project}/{pipeline.name}/", pipelines.topic(pipeline))
    with listen(store.db.feed, *topics, cancelled=cancelled, on_leave=on_leave) as pause:
        while True:
            last, until, found = pause.look(("jobs", pipeline, last, until, details), look)
            yield from found
            if not found:
                pause()
