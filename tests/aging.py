"""Give a store years of history in minutes: commits, jobs, packs, log lines and lives of workers.

Everything goes through the code that a server runs: writers store chunks in packs, naming a commit propagates and makes
its job, packs are merged as in the background, log lines are indexed. Only what user code would compute is left out:
each job ends at once with the datum index and the output of the job before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest import mock

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.ids import CommitSetId
from hathi.model.pps import JobState, LogMessage
from hathi.model.references import CommitSpec, Job, Pipeline, Repo
from hathi.pipelines import closing, meta_tree
from hathi.pipelines.births import register
from hathi.pipelines.folding import Folded
from hathi.pipelines.logs import Logs
from hathi.pipelines.rows import jobs as job_rows
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.objects.local import LocalStore
from hathi.storage.segments import SegmentLog
from hathi.versioning import commits as commit_rows
from hathi.versioning.store import Store
from hathi.versioning.writing import Writer

FILES = 50
"""Files of each repo. Their number stays, so that only history grows."""

MERGE_EVERY = 200
"""Commits between two looks for packs to merge: a busy server makes about so many between two ticks."""

JOBS_A_TRANSACTION = 50
LINES_A_BATCH = 1000


@dataclass(frozen=True)
class Age:
    """How much history: commits in all, jobs among them, log lines, and lives of workers that wrote those."""

    commits: int
    jobs: int
    lines: int
    lives: int

    def part(self, divisor: int) -> Age:
        return Age(self.commits // divisor, self.jobs // divisor, self.lines // divisor, self.lives // divisor)


CENTURY = Age(commits=100_000, jobs=50_000, lines=1_000_000, lives=2_000)


def age(store: Store, logs: Logs, pipeline: Pipeline, data: Repo, plain: Repo, by: Age, *, first_life: int = 0) -> None:
    """Add history.

    Args:
        store, logs: opened as a server does; no server or controller may be at work on them meanwhile.
        pipeline: reads `data` with glob `/*`, and has a job that succeeded.
        data: gets `by.jobs` commits, each with a job.
        plain: gets the other commits.
        by: how much.
        first_life: number of the first life; its lines are of the job with that number as its id.
    """
    _grow_jobs(store, pipeline, data, by.jobs)
    for number in range(by.commits - by.jobs):
        _commit(store, plain, number)
    _merge(store)
    _grow_logs(store, logs, pipeline, by, first_life)


@contextmanager
def opened(root: Path) -> Iterator[tuple[Store, Logs]]:
    """Open what a stopped pachd keeps in its root folder, without waiting for the disk: history is quick to repeat."""
    with mock.patch("os.fsync", lambda descriptor: None):
        database = Database.open(f"sqlite:///{root / 'pachd.db'}", durable=False)
        ledger = DatabaseLedger(database)
        store = Store(database, MaintainedChunks(LocalStore(root / "objects"), ledger), ledger)
        register(store)
        meta_tree.register(store)
        segments = SegmentLog(root / "logs")
        try:
            yield store, Logs(segments, database.feed)
        finally:
            segments.close()
            ledger.close()
            store.chunks.close()
            database.close()


def _commit(store: Store, repo: Repo, number: int) -> CommitSetId:
    with Writer(store, CommitSpec(repo, branch="master")) as writer:
        writer.put(f"/{number % FILES:03}", [f"{repo.name} {number}\n".encode()])
        id = writer.close().id
    if number % MERGE_EVERY == 0:
        _merge(store)
    return id


def _merge(store: Store) -> None:
    while store.chunks.compact():
        pass


def _grow_jobs(store: Store, pipeline: Pipeline, data: Repo, count: int) -> None:
    with store.db.read() as tx:
        last = commit_rows.inspect(tx, CommitSpec(pipeline.output, branch="master")).commit
        row = job_rows.get(tx, Job(pipeline, last.id))
        output = commit_rows.root_of(tx, last) or EMPTY_ROOT
    assert row.state is JobState.SUCCESS and row.index_root, "the pipeline needs a job that succeeded"
    waiting: list[CommitSetId] = []
    for number in range(count):
        waiting.append(_commit(store, data, number))
        if len(waiting) == JOBS_A_TRANSACTION or number == count - 1:
            with store.chunks.upload() as upload, store.db.write() as tx:
                for id in waiting:
                    job = job_rows.get(tx, Job(pipeline, id))
                    job_rows.change(tx, job, started=tx.now, state=JobState.FINISHING, planned=True)
                    folded = Folded(row.index_root, output, 0, "", upload, [])
                    closing.close(store, tx, job, JobState.SUCCESS, "", folded)
            waiting.clear()


def _grow_logs(store: Store, logs: Logs, pipeline: Pipeline, by: Age, first: int) -> None:
    """Append lines as the lives of workers would, minute by minute; half of the lives end without notice."""
    begun_first = store.db.clock() - timedelta(minutes=by.lives)
    each = by.lines // by.lives if by.lives else 0
    for life in range(first, first + by.lives):
        holder = store.ledger.open_holder("worker", f"old-{life}").id
        begun = begun_first + timedelta(minutes=life - first)
        lines = [
            LogMessage(
                begun + timedelta(milliseconds=number),
                f"line {number} of life {life}",
                pipeline.project,
                pipeline.name,
                job=f"{life:032x}",
                datum=f"{life * each + number // 10:064x}",
                worker=f"old-{life}",
                user=True,
            )
            for number in range(each)
        ]
        for start in range(0, each, LINES_A_BATCH):
            logs.append(pipeline, lines[start : start + LINES_A_BATCH])
        if life % 2:
            store.ledger.end_holder(holder)
