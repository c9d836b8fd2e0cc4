"""How workers get work: they claim a set of datums under a lease, beat while they work, and report once.

A claim ends when its worker is known to be dead or asks for another one; else it lapses when the worker falls silent.
The set then goes to whoever asks next. A report is taken exactly once, by its claim's id: packs, index and outcome are
registered in one transaction, or none of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from hathi.metadata.ledger import CONDEMNED
from hathi.metadata.tables.pps import SetState
from hathi.metadata.transaction import Transaction
from hathi.model.errors import InvalidError, NotFoundError
from hathi.model.packs import PackRecord, RemoteWriter, Root
from hathi.model.pps import DatumInput, Stats
from hathi.model.references import Job, Pipeline
from hathi.pipelines import ending, inputs, payloads
from hathi.pipelines.declared import declared
from hathi.pipelines.rows import jobs, pipelines, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.rows.sets import SetRow
from hathi.pipelines.sharing import leaves, patience
from hathi.pipelines.waiting import Cancelled, OnLeave, listen, never
from hathi.storage.filesets.datums import DATUMS
from hathi.versioning.store import Store

CLAIM_SECONDS = 30.0
"""How long a claim lives after each beat: enough for a worker that the machine starves, not too long to wait for."""

WRITE_SECONDS = 10.0
"""How old what is written of a claim may be: beats come more often, so that workers hear soon that they are to stop."""

REASON_LENGTH = 500
"""How much of a failed datum's reason stands in the job's; the datum's record and log hold it whole."""

RETRY_SECONDS = 1.0
"""How long a set rests after its first error; twice as long after each further one, up to RETRY_LIMIT."""

RETRY_LIMIT = 300.0

ERRORS = 15
"""After so many errors of workers with one set, its job fails: half an hour, so that outages of a store may last."""

LOST = 20
"""And after so many claims on one set that ended without a word, because workers died or lost the server."""

LOST_TOLD = 2
"""How many of these it takes until the job tells of them: one is nothing unusual."""


@dataclass(frozen=True, slots=True)
class Datum:
    """A datum to run.

    id, hash: in hex. inputs, input_root: as `model.records` has them. index: its place in the job's order.
    """

    id: str
    hash: str
    inputs: tuple[DatumInput, ...]
    input_root: bytes = b""
    index: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A set of datums that one worker may run now.

    id: names the claim in beats and in the report. seconds: it lapses so long after the last beat.
    roots: root of the tree (32 bytes) of each commit the inputs read, by the commit's text.
    datum_timeout: seconds an attempt may take, 0 means any. datum_set: number of the set in its job.
    """

    id: str
    seconds: float
    job: Job
    version: int
    output_branch: str
    transform: Mapping[str, Any]
    datum_tries: int
    datum_timeout: float
    datums: tuple[Datum, ...]
    roots: Mapping[str, bytes]
    datum_set: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a beat. lost: the claim is no longer this worker's. cancelled: datums to stop and try again."""

    lost: bool
    cancelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a claim.

    holder: the life of a worker that wrote the packs. index: root of a tree, datum id -> record, 32 bytes.
    failed_datum, failed_reason: the first datum that failed. error: the set could not be run at all, and why; its packs
    are deleted.
    image: what user code ran in, "" when in none.
    """

    claim_id: str
    worker: str
    holder: str = ""
    packs: Sequence[PackRecord] = ()
    index: bytes = b""
    processed: int = 0
    failed: int = 0
    recovered: int = 0
    stats: Stats = field(default_factory=Stats)
    failed_datum: str = ""
    failed_reason: str = ""
    error: str = ""
    image: str = ""


def claim(
    store: Store,
    group: str,
    worker: str,
    *,
    wait: float,
    cancelled: Cancelled = never,
    on_leave: OnLeave | None = None,
) -> Claim | None:
    """Claim a datum set for a worker of `group` (a WorkerGroup key, or `project/pipeline` for whatever version it has);
    None when none came up within `wait` seconds.

    A worker has one set at a time: who asks gives back what it held. The wait ends early when garbage collection has
    condemned packs: it waits for the worker to pin a newer catalogue, which it does when it asks again.

    Raises PipelineNotFound, and WaitEnded when the client left.
    """
    leaving: datetime | None = None  # until when the rest of a job is left to others
    pipeline, only = parse_group(group)
    deadline = store.db.clock() + timedelta(seconds=wait)
    _release(store, pipeline, worker)
    topics = sets.topic(pipeline), CONDEMNED
    with listen(store.db.feed, *topics, cancelled=cancelled, on_leave=on_leave) as pause:
        while True:
            found: tuple[Claim, bytes] | None = None
            # Workers are woken together. They look in turn, so that those who come too late see it and only read.
            with store.locks.held(("claim", group)):
                with store.db.read() as tx:
                    row = pipelines.get(tx, pipeline)
                    version = only or row.version
                    first = sets.claimable(tx, row.id, version)
                    due = sets.next_due(tx, row.id, version) if first is None else None
                    if first is not None and _leaves(tx, row.id, version, first, worker):
                        leaving = due = leaving or tx.now + patience(jobs.by_id(tx, first.job_id).started, tx.now)
                    promising = first is not None and (due is None or tx.now >= due)
                if promising:
                    with store.db.write() as tx:
                        found = _claim(tx, row.id, version, worker)
            if found is not None:
                bare, payload = found
                return replace(bare, datums=_datums(payload))
            if promising:
                continue
            now = store.db.clock()
            if now >= deadline:
                return None
            until = deadline if due is None else min(deadline, due)
            if CONDEMNED in pause(max((until - now).total_seconds(), 0.0)):
                return None


def beat(store: Store, claim_id: str, worker: str, *, datum: str = "", running_seconds: float = 0.0) -> Beat:
    """Keep a claim alive and record what its worker does now.

    Most beats only ask whether to go on, and only read.
    """
    with store.db.read() as tx:
        row = _claimed(tx, claim_id, worker)
        if row is not None and not _worth_writing(tx, row, datum):
            return Beat(lost=False)
    with store.db.write() as tx:
        row = _claimed(tx, claim_id, worker)
        if row is None:
            return Beat(lost=True)
        since = tx.now - timedelta(seconds=running_seconds) if datum else None
        expires = tx.now + timedelta(seconds=CLAIM_SECONDS)
        sets.extend(tx, row, expires, datum, since)
        return Beat(lost=False, cancelled=row.cancelled)


def report(store: Store, report: Report) -> bool:
    """Take the outcome of a claim; False when the claim had lapsed. A repeat answers as the first did.

    Raises LeaseLapsed when what was written may be collected already; the set is then handed out again.
    """
    with store.db.write() as tx:
        found = sets.by_claim(tx, report.claim_id)
        if found is not None and found.state is SetState.DONE:
            return found.worker == report.worker
        row = _claimed(tx, report.claim_id, report.worker)
        if row is None:
            return False
        job = jobs.by_id(tx, row.job_id)
        if report.error:
            _hand_back(tx, job, row, report.error)
        else:
            roots = [Root(DATUMS.name, report.index)]
            store.ledger.register(tx, RemoteWriter(report.holder), report.packs, roots)
            sets.finish(tx, row, report.index)
            _count(tx, job, report)
    if report.error:  # the claim is over, so nothing can name them any more
        store.chunks.discard(report.holder, [pack.name for pack in report.packs])
    return True


def withdraw(store: Store, pipeline: Pipeline, which: Callable[[str], bool]) -> None:
    """Let the sets that some workers hold be claimed by others at once. which: tells of a worker's name."""
    with store.db.read() as tx:
        held = any(which(worker) for worker in holders(tx, pipeline))
    if held:
        with store.db.write() as tx:
            for row in _held(tx, pipeline):
                if which(row.worker):
                    sets.free(tx, row)
            tx.emit(sets.topic(pipeline))


def group_of(store: Store, claim_id: str) -> str:
    """Return the key of the worker group that a claim was made for; "" when no set is known by the claim."""
    with store.db.read() as tx:
        row = sets.by_claim(tx, claim_id) if claim_id else None
        if row is None:
            return ""
        job = jobs.by_id(tx, row.job_id)
        return group_key(job.job.pipeline, job.version)


def holders(tx: Transaction, pipeline: Pipeline) -> set[str]:
    """Return the names of the workers that hold sets of a pipeline."""
    return {row.worker for row in _held(tx, pipeline)}


def parse_group(key: str) -> tuple[Pipeline, int]:
    """Return what a WorkerGroup key stands for: a pipeline and its version; 0 where it names none."""
    try:
        project, name, version = key.split("/") if key.count("/") != 1 else (*key.split("/"), "v0")
        return Pipeline(project, name), int(version.removeprefix("v"))
    except ValueError:
        raise InvalidError(f"{key!r} is not the key of a worker group") from None


def group_key(pipeline: Pipeline, version: int) -> str:
    """Return the WorkerGroup key of a pipeline's version."""
    return f"{pipeline.project}/{pipeline.name}/v{version}"


def _release(store: Store, pipeline: Pipeline, worker: str) -> None:
    """Let the sets that one worker holds be claimed by others: it asks for another one."""
    with store.db.read() as tx:
        held = sets.held_by(tx, pipelines.get(tx, pipeline).id, worker)
    if held:
        with store.db.write() as tx:
            for row in sets.held_by(tx, pipelines.get(tx, pipeline).id, worker):
                sets.free(tx, row)
            tx.emit(sets.topic(pipeline))


def _held(tx: Transaction, pipeline: Pipeline) -> list[SetRow]:
    row = pipelines.find(tx, pipeline)
    return [] if row is None else sets.claimed(tx, row.id)


def _leaves(tx: Transaction, pipeline_id: int, version: int, row: SetRow, worker: str) -> bool:
    """Return whether a worker leaves a set to others, where the spec leaves it to us how a job is shared out."""
    spec = declared(jobs.by_id(tx, row.job_id).job.pipeline, pipelines.version(tx, pipeline_id, version))
    if spec.workers == 1 or not spec.rule.shrinking:
        return False
    return leaves(worker, *sets.parts(tx, row.job_id), spec.workers)


def _claim(tx: Transaction, pipeline_id: int, version: int, worker: str) -> tuple[Claim, bytes] | None:
    """Return a claim without its datums, and the payload that tells them: unpacking is no work for a transaction."""
    row = sets.claimable(tx, pipeline_id, version)
    if row is None:
        return None
    job = jobs.by_id(tx, row.job_id)
    spec = declared(job.job.pipeline, pipelines.version(tx, pipeline_id, version))
    try:
        heads = {} if spec.input is None else inputs.heads(tx, job.job, spec.input)
    except NotFoundError:  # by force, under our hands
        ending.stop(tx, job, ending.GONE)
        return None
    if not _goes_on(tx, job, row):
        return None
    claim_id = uuid4().hex
    expires = tx.now + timedelta(seconds=CLAIM_SECONDS)
    sets.claim(tx, row, claim_id, worker, expires)
    claim = Claim(
        id=claim_id,
        seconds=CLAIM_SECONDS,
        job=job.job,
        version=version,
        output_branch=job.branch,
        transform=spec.transform,
        datum_tries=spec.datum_tries,
        datum_timeout=spec.datum_timeout,
        datums=(),
        roots={str(head.commit): head.root for head in heads.values()},
        datum_set=row.seq,
    )
    return claim, sets.payload(tx, row.job_id, row.seq)


def _datums(payload: bytes) -> tuple[Datum, ...]:
    records = sorted(payloads.unpack_runs(payload), key=lambda record: record.index)
    return tuple(Datum(record.id, record.hash, record.inputs, record.input_root, record.index) for record in records)


def _claimed(tx: Transaction, claim_id: str, worker: str) -> SetRow | None:
    """Return the set that this worker still holds under this claim; even one whose time is up, if nobody took it."""
    row = sets.by_claim(tx, claim_id)
    return row if row is not None and row.state is SetState.CLAIMED and row.worker == worker else None


def _worth_writing(tx: Transaction, row: SetRow, datum: str) -> bool:
    """Return whether a beat is due to be written, is the first to name a datum, or takes an answer along."""
    old = row.expires is None or row.expires - tx.now <= timedelta(seconds=CLAIM_SECONDS - WRITE_SECONDS)
    return old or bool(row.cancelled) or bool(datum and not row.datum)


def _hand_back(tx: Transaction, job: JobRow, row: SetRow, error: str) -> None:
    """Let a set that a worker could not run rest for a while; fail its job when that happened too often."""
    why = error[:REASON_LENGTH]
    rest = min(RETRY_SECONDS * 2**row.errors, RETRY_LIMIT)
    sets.give_up(tx, row, tx.now + timedelta(seconds=rest))
    jobs.change(tx, job, restarts=job.restarts + 1, reason=why)
    tx.emit(sets.topic(job.job.pipeline))
    if row.errors + 1 >= ERRORS:
        ending.give_up(tx, job, f"a datum set could not be run in {ERRORS} attempts: {why}")


def _goes_on(tx: Transaction, job: JobRow, row: SetRow) -> bool:
    """Return whether a set may be handed out once more; fail its job when too many claims on it were lost."""
    lost = row.attempts - row.errors
    if lost < LOST_TOLD:
        return True
    why = f"a datum set was claimed {lost} times by workers that died or lost the server while at it"
    if lost >= LOST:
        ending.give_up(tx, job, why)
        return False
    jobs.change(tx, job, restarts=job.restarts + 1, reason=why)
    return True


def _count(tx: Transaction, job: JobRow, report: Report) -> None:
    sums = {
        "processed": report.processed,
        "failed": report.failed,
        "recovered": report.recovered,
        "download_seconds": report.stats.download_seconds,
        "process_seconds": report.stats.process_seconds,
        "upload_seconds": report.stats.upload_seconds,
        "download_bytes": report.stats.download_bytes,
        "upload_bytes": report.stats.upload_bytes,
    }
    jobs.add(tx, job, sums)
    first, why = job.failed_datum, job.failed_reason
    if not first:
        first, why = report.failed_datum, report.failed_reason[:REASON_LENGTH]
    images = job.images if not report.image or report.image in job.images else (*job.images, report.image)
    if (first, "", images) != (job.failed_datum, job.reason, job.images):
        jobs.change(tx, job, failed_datum=first, failed_reason=why, reason="", images=list(images))
