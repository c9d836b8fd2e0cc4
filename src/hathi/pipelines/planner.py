"""A job's plan made real: from the rows of the job and those before it to datum sets that workers can claim.

Sets can be claimed as soon as they are written; the job is `planned` with the last of them. Planning can be repeated at
any time, before or after the jobs that came first have ended: what stands in sets already is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import merge

from hathi.metadata.tables.pps import SetKind
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.packs import Root
from hathi.model.pps import JobState
from hathi.model.references import Job
from hathi.pipelines import inputs, payloads
from hathi.pipelines.declared import Declared, declared
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.planning.batches import Batch, batches
from hathi.pipelines.planning.early import AtWork, plan_early
from hathi.pipelines.planning.steps import Adopt, Base, Drop, Run, Step, Wanted, plan
from hathi.pipelines.planning.trees import Trees
from hathi.pipelines.planning.written import Ids, Written
from hathi.pipelines.rows import jobs, pipelines, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.rows.sets import NewSet
from hathi.storage.chunks.interface import NodeStore
from hathi.storage.filesets.datum_inputs import weight
from hathi.storage.filesets.nodes import Nodes, reading
from hathi.versioning.store import Store

FLUSH_DATUMS = 10_000
"""Datums written in one transaction, about: a few megabytes of rows."""

FLUSH_BYTES = 64 << 20
"""And bytes of their inputs, about, which are in memory until then."""


LEFT_JOBS = 64
"""How many of the latest jobs that left no complete index are looked at for datums that they have done. What older ones
did is done again: a plan must not become dearer with each job that is killed."""

EARLY_JOBS = 64
"""How many jobs of a pipeline may be at work before a job that is planned early, for its plan asks all of them."""


def plan_job(store: Store, job: Job) -> None:
    """Write the datum sets of a running job and count its datums; nothing when that is done or the job has ended.

    The job's inputs are finished and the jobs before it settled.
    """
    with store.db.read() as tx:
        row = jobs.find(tx, job, hidden=True)
        if row is None or row.planned or row.state is not JobState.RUNNING:
            return
        question = _question(tx, row, reading(store.chunks))
        written = _written(tx, row)
    tally = _Tally(written, before=question.base.index.count)
    steps = tally.passing(plan(question.wanted, question.base, question.left))
    found = batches(steps, question.spec.rule)
    _write_all(
        store,
        row,
        map(tally.number, found),
        lambda: {"planned": True, "skipped": tally.skipped, "total": tally.skipped + tally.runs},
    )


def plan_job_early(store: Store, job: Job) -> None:
    """Write the datum sets of what a running job can do while jobs before it are at work; nothing when that is done.

    The inputs of all these jobs are finished.
    """
    with store.db.read() as tx:
        row = jobs.find(tx, job, hidden=True)
        if row is None or row.planned or row.planned_early or row.state is not JobState.RUNNING:
            return
        nodes = reading(store.chunks)
        question = _question(tx, row, nodes)
        at_work = _at_work(tx, row, nodes)
        written = _written(tx, row)
    tally = _Tally(written)
    steps = plan_early(question.wanted, at_work, (question.base.index, *question.left)) if at_work else iter(())
    found = batches(tally.passing(steps), question.spec.rule)
    _write_all(store, row, map(tally.number, found), lambda: {"planned_early": True, "total": tally.runs})


def base_of(tx: Transaction, row: JobRow) -> JobRow | None:
    """Return the job whose datum index a job's plan starts from: the latest before it that left a complete one."""
    return jobs.last_complete(tx, row.pipeline_id, row.branch, row.id)


@dataclass(frozen=True, slots=True)
class _Question:
    """What `plan` is asked for a job."""

    spec: Declared
    wanted: Wanted
    base: Base
    left: tuple[DatumIndex, ...]


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A set, its number, and the place of its first datum in the job's order."""

    seq: int
    first: int
    batch: Batch

    @property
    def runs(self) -> list[Run]:
        """The datums to run; none when the set is of another kind."""
        return [step for step in self.batch if isinstance(step, Run)]


class _Tally:
    """What a plan amounts to so far. before: records in the index that it starts from."""

    def __init__(self, written: Written, before: int = 0) -> None:
        self.runs = 0
        self.skipped = before
        self._written = written
        self._next_set = written.sets
        self._next_datum = written.runs

    def passing(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Count steps, and yield those that are not in sets yet."""
        for step in steps:
            if isinstance(step, Drop) or step.replaces:
                self.skipped -= 1
            if isinstance(step, Adopt):
                self.skipped += 1
            elif isinstance(step, Run):
                self.runs += 1
            if not self._written.ids or step.id not in self._written.ids:
                yield step

    def number(self, batch: Batch) -> _Numbered:
        """Number one more set."""
        numbered = _Numbered(self._next_set, self._next_datum, batch)
        self._next_set += 1
        if isinstance(batch[0], Run):
            self._next_datum += len(batch)
        return numbered


def _question(tx: Transaction, row: JobRow, nodes: Nodes) -> _Question:
    spec = declared(row.job.pipeline, pipelines.version(tx, row.pipeline_id, row.version))
    if spec.input is None:
        raise ValueError(f"job {row.job} has no input to plan from")
    trees = Trees(nodes, inputs.heads(tx, row.job, spec.input))
    wanted = Wanted(spec.input, trees, spec.salt, spec.again)
    base = base_of(tx, row)
    since = jobs.incomplete_since(tx, row, 0 if base is None else base.id, LEFT_JOBS)
    left = tuple(DatumIndex(nodes, before.index_root) for before in since if before.index_root and _of_use(before, row))
    return _Question(spec, wanted, _base(tx, base, nodes), left)


def _at_work(tx: Transaction, row: JobRow, nodes: Nodes) -> list[AtWork]:
    """Return what the unfinished jobs before a job do, the latest first; nothing when that of one cannot be told."""
    found: list[AtWork] = []
    for before in jobs.unfinished_before(tx, row, EARLY_JOBS):
        spec = declared(before.job.pipeline, pipelines.version(tx, before.pipeline_id, before.version))
        if spec.input is None:
            return []
        try:
            found.append(AtWork(spec.input, Trees(nodes, inputs.heads(tx, before.job, spec.input))))
        except NotFoundError:  # its input commits were deleted
            return []
    return found


def _written(tx: Transaction, row: JobRow) -> Written:
    present = sets.list_rows(tx, row.id)
    streams = [payloads.ids_of(one.kind, sets.payload(tx, row.id, one.seq)) for one in present]
    runs = sum(one.count for one in present if one.kind is SetKind.RUN)
    return Written(len(present), runs, Ids(merge(*streams)))


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


def _write_all(
    store: Store, row: JobRow, found: Iterator[_Numbered], outcome: Callable[[], Mapping[str, object]]
) -> None:
    """Add sets to a job, many in each transaction, and with the last of them its `outcome`; not once it has ended."""
    pending: list[_Numbered] = []
    datums = held = 0
    for one in found:
        pending.append(one)
        datums += len(one.batch)
        held += sum(weight(run.inputs) for run in one.runs)
        if datums >= FLUSH_DATUMS or held >= FLUSH_BYTES:
            if not _write(store, row, pending, {}):
                return
            pending, datums, held = [], 0, 0
    _write(store, row, pending, outcome())


def _write(store: Store, row: JobRow, pending: Sequence[_Numbered], values: Mapping[str, object]) -> bool:
    """Add sets in one transaction, with the trees of inputs that they name; returns whether the job goes on."""
    with ExitStack() as stack:
        upload = None
        if any(payloads.need_trees(one.runs) for one in pending):
            upload = stack.enter_context(store.chunks.upload())
        new = [_new_set(row.job, one, upload) for one in pending]
        packs = upload.seal() if upload is not None else ()
        with store.db.write() as tx:
            current = jobs.find(tx, row.job, hidden=True)
            if current is None or current.state is not JobState.RUNNING:
                return False
            roots = (Root(kind.name, root) for one in new for kind, root in payloads.trees_in(one.kind, one.payload))
            if upload is not None:
                store.ledger.register(tx, upload, packs, roots)
            else:
                store.ledger.name_roots(tx, roots)
            sets.insert_rows(tx, current, new)
            tx.emit(sets.topic(row.job.pipeline))
            if values:
                jobs.change(tx, row, **values)
    return True


def _new_set(job: Job, one: _Numbered, store: NodeStore | None) -> NewSet:
    kind, payload = _payload(job, one, store)
    return NewSet(one.seq, kind, len(one.batch), payload)


def _payload(job: Job, one: _Numbered, store: NodeStore | None) -> tuple[SetKind, bytes]:
    batch = one.batch
    if one.runs:
        return SetKind.RUN, payloads.pack_runs(job.id, one.runs, one.first, store)
    if adopts := [step for step in batch if isinstance(step, Adopt)]:
        return SetKind.ADOPT, payloads.pack_adopts(adopts)
    return SetKind.DROP, payloads.pack_drops([step for step in batch if isinstance(step, Drop)])
