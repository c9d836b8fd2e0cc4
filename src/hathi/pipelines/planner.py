"""A job's plan made real: from the rows of the job and those before it to datum sets that workers can claim.

Sets can be claimed as soon as they are written; the job is `planned` with the last of them. A plan follows from what
no longer changes (finished inputs, settled jobs), so after a crash it is made again and what was written before is
passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from hathi.metadata.tables.pps import SetKind
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.pps import JobState
from hathi.model.references import Job
from hathi.pipelines import inputs, payloads
from hathi.pipelines.declared import Declared, declared
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.planning.batches import Batch, batches
from hathi.pipelines.planning.steps import Adopt, Base, Drop, Run, Wanted, plan
from hathi.pipelines.planning.trees import Trees
from hathi.pipelines.rows import jobs, pipelines, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.storage.filesets.nodes import Nodes, reading
from hathi.versioning.store import Store

FLUSH_DATUMS = 10_000
"""Datums written in one transaction, about: a few megabytes of rows."""


def plan_job(store: Store, job: Job) -> None:
    """Write the datum sets of a running job and count its datums; nothing when that is done or the job has ended.

    The job's inputs are finished and the jobs before it settled.
    """
    with store.db.read() as tx:
        row = jobs.find(tx, job, hidden=True)
        if row is None or row.planned or row.state is not JobState.RUNNING:
            return
        question = _question(tx, row, reading(store.chunks))
        known = sets.known(tx, row.id)
    tally = _Tally(before=question.base.index.count)
    pending: list[_Numbered] = []
    for batch in batches(plan(question.wanted, question.base, question.killed), question.spec.rule):
        numbered = tally.take(batch)
        if numbered.seq >= known:
            pending.append(numbered)
        if sum(len(one.batch) for one in pending) >= FLUSH_DATUMS:
            if not _write(store, row, pending):
                return
            pending = []
    _write(store, row, pending, counts=tally)


def base_of(tx: Transaction, row: JobRow) -> JobRow | None:
    """Return the job whose datum index a job's plan starts from: the latest before it that left a complete one."""
    return next((before for before in jobs.before(tx, row) if before.complete), None)


@dataclass(frozen=True, slots=True)
class _Question:
    """What `plan` is asked for a job."""

    spec: Declared
    wanted: Wanted
    base: Base
    killed: tuple[DatumIndex, ...]


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A set, its number, and the place of its first datum in the job's order."""

    seq: int
    first: int
    batch: Batch


class _Tally:
    """What a plan amounts to so far. before: records in the index that it starts from."""

    def __init__(self, before: int) -> None:
        self.sets = 0
        self.runs = 0
        self.skipped = before

    def take(self, batch: Batch) -> _Numbered:
        """Count one more set, and number it."""
        numbered = _Numbered(self.sets, self.runs, batch)
        self.sets += 1
        for step in batch:
            if isinstance(step, Drop) or step.replaces:
                self.skipped -= 1
            if isinstance(step, Adopt):
                self.skipped += 1
            elif isinstance(step, Run):
                self.runs += 1
        return numbered


def _question(tx: Transaction, row: JobRow, nodes: Nodes) -> _Question:
    spec = declared(row.job.pipeline, pipelines.version(tx, row.pipeline_id, row.version))
    if spec.input is None:
        raise ValueError(f"job {row.job} has no input to plan from")
    trees = Trees(nodes, inputs.heads(tx, row.job, spec.input))
    wanted = Wanted(spec.input, trees, spec.salt, spec.again)
    base = base_of(tx, row)
    since = takewhile(lambda before: base is None or before.id != base.id, jobs.before(tx, row))
    left = tuple(DatumIndex(nodes, before.index_root) for before in since if before.index_root and _of_use(before, row))
    return _Question(spec, wanted, _base(tx, base, nodes), left)


def _of_use(before: JobRow, row: JobRow) -> bool:
    """Return whether what a job without a complete index did need not be done again.

    Where the outputs of its datums did not go together, another version of the code may do better: what the same one
    would only repeat is kept.
    """
    return before.state is JobState.KILLED or before.version == row.version


def _base(tx: Transaction, row: JobRow | None, nodes: Nodes) -> Base:
    if row is None or row.index_root is None:
        return Base(DatumIndex(nodes, EMPTY_ROOT))
    spec = declared(row.job.pipeline, pipelines.version(tx, row.pipeline_id, row.version))
    index = DatumIndex(nodes, row.index_root)
    if spec.input is None:
        return Base(index)
    try:
        trees = Trees(nodes, inputs.heads(tx, row.job, spec.input))
    except NotFoundError:  # its input commits were deleted: look at everything instead
        return Base(index)
    return Base(index, spec.input, trees, spec.salt)


def _write(store: Store, row: JobRow, pending: list[_Numbered], counts: _Tally | None = None) -> bool:
    """Add sets to a job, and with `counts` declare it planned; False when the job has ended meanwhile."""
    rows = [(one.seq, len(one.batch), *_payload(row.job, one)) for one in pending]
    with store.db.write() as tx:
        current = jobs.find(tx, row.job, hidden=True)
        if current is None or current.state is not JobState.RUNNING:
            return False
        for seq, count, kind, payload in rows:
            sets.insert_row(tx, row.id, seq, kind, count, payload)
        tx.emit(sets.topic(row.job.pipeline))
        if counts is not None:
            total = counts.skipped + counts.runs
            jobs.change(tx, row, planned=True, skipped=counts.skipped, total=total)
    return True


def _payload(job: Job, one: _Numbered) -> tuple[SetKind, bytes]:
    batch = one.batch
    if runs := [step for step in batch if isinstance(step, Run)]:
        return SetKind.RUN, payloads.pack_runs(job.id, runs, one.first)
    if adopts := [step for step in batch if isinstance(step, Adopt)]:
        return SetKind.ADOPT, payloads.pack_adopts(adopts)
    return SetKind.DROP, payloads.pack_drops([step for step in batch if isinstance(step, Drop)])
