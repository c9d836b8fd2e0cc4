"""How jobs are told to stop, inside somebody's transaction.

The wish is written down; the job's controller, woken by it, keeps what was done so far and kills the job. Only where
the job itself is about to vanish with its pipeline are its commits closed at once.
"""

from __future__ import annotations

from contextlib import suppress

from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.pipelines.rows import jobs, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import commits

STOPPED = "job stopped"
UPDATED = "all jobs killed because pipeline was updated"
PIPELINE_STOPPED = "all jobs killed because pipeline was stopped"
GONE = "its commits were deleted"
DELETED = "all jobs killed because pipeline was deleted"


def stop(tx: Transaction, row: JobRow, reason: str) -> None:
    """Wish that an unfinished job be killed; the first wish counts."""
    if not row.stop:
        jobs.change(tx, row, stop=reason)
        sets.stop(tx, row.id)
        tx.emit(sets.topic(row.job.pipeline))


def give_up(tx: Transaction, row: JobRow, reason: str) -> None:
    """Request that an unfinished job fail, since one of its sets can never be done; the first reason counts."""
    if not row.broken:
        jobs.change(tx, row, broken=reason)
        sets.stop(tx, row.id)
        tx.emit(sets.topic(row.job.pipeline))


def stop_all(tx: Transaction, pipeline_id: int, reason: str) -> None:
    """Wish that every unfinished job of a pipeline be killed."""
    for row in jobs.unfinished(tx, pipeline_id):
        stop(tx, row, reason)


def close_all(tx: Transaction, pipeline_id: int, reason: str) -> None:
    """Finish the commits of every unfinished job of a pipeline, empty, with the reason as their error."""
    for row in jobs.unfinished(tx, pipeline_id):
        for repo in (row.job.pipeline.output, row.job.pipeline.meta):
            with suppress(NotFoundError):  # deleted by force before: nothing to finish
                commits.finish_output(tx, repo.commit(row.job.id), EMPTY_ROOT, 0, reason)
