"""The transaction that ends a job: its state and both its commits change at once, so it leaves nothing open."""

from __future__ import annotations

from contextlib import suppress

from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.packs import Root
from hathi.model.pps import JobState
from hathi.pipelines.folding import Folded
from hathi.pipelines.rows import jobs, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.storage.filesets.datums import DATUMS
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import commits
from hathi.versioning.store import Store


def close(store: Store, tx: Transaction, row: JobRow, state: JobState, reason: str, folded: Folded | None) -> None:
    """End a job: its output commit gets the folded output if it succeeded, its meta commit the index as far as there
    is one.

    An index from which no output could be made is no base for later jobs: `planner` says what they take of it.
    folded: None for a job that never began. Raises LeaseLapsed when what was folded may be collected already.
    """
    succeeded = state is JobState.SUCCESS
    output, size, index = EMPTY_ROOT, 0, EMPTY_ROOT
    values: dict[str, object] = {"state": state, "reason": reason, "finished": tx.now}
    if folded is not None:
        index = folded.index or EMPTY_ROOT
        roots = [Root(DATUMS.name, index), Root(FILES.name, folded.output)]
        store.ledger.register(tx, folded.upload, folded.packs, roots)
        complete = state in (JobState.SUCCESS, JobState.FAILURE) and not folded.error and not row.broken
        values |= {"index_root": folded.index, "complete": complete}
        if succeeded:
            output, size = folded.output, folded.size
    pipeline, id = row.job.pipeline, row.job.id
    with suppress(NotFoundError):  # deleted by force meanwhile: nothing to finish
        commits.finish_output(tx, pipeline.output.commit(id), output, size, reason)
    with suppress(NotFoundError):
        commits.finish_output(tx, pipeline.meta.commit(id), index, 0, reason)
    sets.delete_rows(tx, row.id)
    jobs.change(tx, row, **values)
    tx.emit(sets.topic(pipeline))
