"""How a job ends without a result, inside somebody's transaction: at once and for good.

The output commit is finished with the reason as its error, so that downstream jobs know. What its workers did so far
is kept: the meta commit stays open until a controller has folded that into the job's datum index (`settling`).
"""

from __future__ import annotations

from hathi.metadata.transaction import Transaction
from hathi.model.pps import JobState
from hathi.pipelines.rows import jobs, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import commits

STOPPED = "job stopped"
UPDATED = "all jobs killed because pipeline was updated"
PIPELINE_STOPPED = "all jobs killed because pipeline was stopped"
DELETED = "all jobs killed because pipeline was deleted"
TIMED_OUT = "job exceeded timeout"


def end(tx: Transaction, row: JobRow, state: JobState, reason: str) -> None:
    """Bring an unfinished job into a terminal state that has no result, and close its output commit."""
    jobs.change(tx, row, state=state, reason=reason, finished=tx.now)
    commits.finish_output(tx, row.job.pipeline.output.commit(row.job.id), EMPTY_ROOT, 0, reason)
    sets.withdraw(tx, row.id)


def kill_all(tx: Transaction, pipeline_id: int, reason: str) -> None:
    """Kill every unfinished job of a pipeline."""
    for row in jobs.unfinished(tx, pipeline_id):
        end(tx, row, JobState.KILLED, reason)
