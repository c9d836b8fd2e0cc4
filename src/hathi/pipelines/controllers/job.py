"""One job at a time: see what is true of it, ask the life-cycle table what follows, do that, and look again.

Nothing is remembered between two looks but what was folded, and that only within one call: everything else stands in
the database, so whoever looks next, in this process or after a crash, goes on where this one stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta

from hathi.metadata.transaction import Transaction
from hathi.model.lifecycle.job import Action, Observation, Plan, decide
from hathi.model.lifecycle.table import Decision
from hathi.model.pps import JobState
from hathi.model.references import Job
from hathi.pipelines import ending, inputs
from hathi.pipelines.closing import close
from hathi.pipelines.declared import Declared, declared
from hathi.pipelines.folding import Folded, fold_job
from hathi.pipelines.planner import EARLY_JOBS, plan_job, plan_job_early
from hathi.pipelines.rows import jobs, pipelines, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.versioning.store import Store

_STEPS = {Action.PLAN_EARLY, Action.PLAN, Action.FOLD}
_UNFINISHED = {Action.CLOSE_KILLED, Action.CLOSE_BROKEN}
_CLOSING = {Action.CLOSE_SUCCESS, Action.CLOSE_FAILED, Action.CLOSE_UNRUNNABLE, *_UNFINISHED}


def reconcile(store: Store, job: Job, tell: Callable[[str], None] = lambda text: None) -> datetime | None:
    """Bring a job as far as it can go now. Returns when to look again by time alone, None when never.

    tell: takes a line about each state that the job comes to.
    """
    with ExitStack() as uploads:
        folded: Folded | None = None
        while True:
            with store.db.read() as tx:
                row = jobs.find(tx, job, hidden=True)
                if row is None or row.state.terminal:
                    return None
                spec = declared(job.pipeline, pipelines.version(tx, row.pipeline_id, row.version))
                seen = observe(tx, row, spec, folded)
            decision = decide(seen)
            actions = set(decision.actions)
            moves, closes = decision.state is not seen.state, bool(actions & _CLOSING)
            if moves and not closes:
                _record(store, row, decision)
                tell(_line(decision))
            if Action.PLAN_EARLY in actions:
                with store.chunks.reading():
                    plan_job_early(store, job)
            if Action.PLAN in actions:
                with store.chunks.reading():
                    plan_job(store, job)
            if Action.FOLD in actions or (actions & _UNFINISHED and row.started is not None and folded is None):
                upload = uploads.enter_context(store.chunks.upload())
                folded = fold_job(store, row, upload, with_output=Action.FOLD in actions and not seen.failed_datum)
            if closes:
                if _end(store, row, decision, folded):
                    tell(_line(decision))
            elif not moves and not actions & _STEPS:
                return _deadline(row, spec)


def observe(tx: Transaction, row: JobRow, spec: Declared, folded: Folded | None) -> Observation:
    """Return what is true of a job now. What no longer matters in its state is not looked up."""
    begun = row.state not in jobs.NOT_BEGUN
    output = inputs.output_commit(tx, row.job)
    found = [] if begun or output is None else inputs.input_rows(tx, output)
    outstanding = row.planned and sets.outstanding(tx, row.id)
    read = spec.input if not row.planned or outstanding else None
    there = output is not None and (read is None or inputs.all_there(tx, output, read))
    deadline = _deadline(row, spec)
    unfinished_before = 0 if row.planned else jobs.count_unfinished_before(tx, row, EARLY_JOBS + 1)
    return Observation(
        state=row.state,
        reason=row.reason,
        waiting=tuple(input.repo.name for input in found if input.finished is None),
        failed=tuple(input.repo.name for input in found if input.error),
        predecessor_ended=row.planned or not unfinished_before,
        early=not row.planned and not row.planned_early and _may_be_early(tx, row, unfinished_before),
        plan=Plan.FULL if row.planned else Plan.EARLY if row.planned_early else Plan.NONE,
        outstanding=int(outstanding),
        failed_datum=row.failed_datum,
        failed_reason=row.failed_reason,
        stop=row.stop or ("" if there else ending.GONE),
        timed_out=deadline is not None and tx.now >= deadline,
        broken=row.broken,
        folded=folded is not None,
        fold_error=folded.error if folded is not None else "",
    )


def _may_be_early(tx: Transaction, row: JobRow, unfinished_before: int) -> bool:
    return unfinished_before <= EARLY_JOBS and not jobs.waiting_before(tx, row)


def _line(decision: Decision[JobState, Action]) -> str:
    """Return a line for the log about a state that a job has come to."""
    return f"job is {decision.state.name.lower()}{f': {decision.reason}' if decision.reason else ''}"


def _end(store: Store, row: JobRow, decision: Decision[JobState, Action], folded: Folded | None) -> bool:
    """End the job as decided, unless something has changed since: then return False, and the next look tells what."""
    with store.db.write() as tx:
        current = jobs.find(tx, row.job, hidden=True)
        if current is not None and (current.state, current.stop) == (row.state, row.stop):
            close(store, tx, current, decision.state, decision.reason, folded)
            return True
    return False


def _record(store: Store, row: JobRow, decision: Decision[JobState, Action]) -> None:
    with store.db.write() as tx:
        current = jobs.find(tx, row.job, hidden=True)
        if current is None or current.state is not row.state:
            return
        values: dict[str, object] = {"state": decision.state, "reason": decision.reason}
        if decision.state is JobState.RUNNING and current.started is None:
            values["started"] = tx.now
        jobs.change(tx, current, **values)


def _deadline(row: JobRow, spec: Declared) -> datetime | None:
    if not spec.job_timeout or row.started is None:
        return None
    return row.started + timedelta(seconds=spec.job_timeout)
