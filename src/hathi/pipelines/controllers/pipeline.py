"""One pipeline at a time: see what is wanted and what its runtime says, ask the life-cycle table, do what follows."""

from __future__ import annotations

from collections.abc import Mapping

from hathi.model.lifecycle.pipeline import Action, Observation, decide
from hathi.model.references import Pipeline
from hathi.pipelines import repos, work
from hathi.pipelines.declared import Declared, declared, resources_of
from hathi.pipelines.logs import Logs
from hathi.pipelines.rows import jobs, pipelines
from hathi.pipelines.work import group_key
from hathi.runtimes.interface import GroupStatus, Runtime, WorkerGroup
from hathi.versioning.store import Store

_NO_WORKERS = GroupStatus(wanted=0, ready=0)


def reconcile(store: Store, runtime: Runtime, logs: Logs, pipeline: Pipeline) -> None:
    """Let the pipeline's workers be as declared, and its state say what is true; of one that is gone nothing stays."""
    with store.db.read() as tx:
        row = pipelines.find(tx, pipeline)
        if row is None:
            _remove_all_but(runtime, pipeline, "")
            logs.delete(pipeline)
            return
        spec = declared(pipeline, pipelines.version(tx, row.id, row.version))
        idle = bool(spec.spec.get("autoscaling")) and not jobs.any_unfinished(tx, row.id)
        busy = jobs.any_at_work(tx, row.id)
        lost = "" if row.stopped else repos.lost(tx, pipeline, spec.output_branch, spec.input)
    key = group_key(pipeline, row.version)
    _remove_all_but(runtime, pipeline, key)
    status = _observe(store, runtime, pipeline).get(key, _NO_WORKERS)
    decision = decide(
        Observation(
            state=row.state,
            reason=row.reason,
            stopped=row.stopped,
            failure=lost or _wrong_runtime(spec, runtime),
            runtime_problem=runtime.check(),
            idle=idle,
            ready=status.ready,
            problem=status.problem,
            waiting=status.waiting,
            turn=status.granted != 0,
            busy=busy,
        )
    )
    ready = status.ready
    if Action.REMOVE_WORKERS in decision.actions:
        ready = 0  # none that is given work any more
    if (decision.state, decision.reason, ready) != (row.state, row.reason, row.workers_ready):
        with store.db.write() as tx:
            current = pipelines.find(tx, pipeline)
            if current is not None and (current.version, current.stopped) == (row.version, row.stopped):
                pipelines.set_state(tx, current, decision.state, decision.reason, ready)
        if (decision.state, decision.reason) != (row.state, row.reason):
            about = f": {decision.reason}" if decision.reason else ""
            logs.append_master(pipeline, store.db.clock(), f"pipeline is {decision.state.name.lower()}{about}")
    if Action.REMOVE_WORKERS in decision.actions:
        runtime.remove(key)
    if Action.ENSURE_WORKERS in decision.actions and (status.wanted, status.busy) != (spec.workers, busy):
        runtime.ensure(worker_group(pipeline, spec, busy=busy))


def worker_group(pipeline: Pipeline, spec: Declared, *, busy: bool = True) -> WorkerGroup:
    """Return the workers that a version of a pipeline declares. busy: whether there is work for them."""
    return WorkerGroup(
        key=group_key(pipeline, spec.version),
        project=pipeline.project,
        pipeline=pipeline.name,
        version=spec.version,
        scale=spec.workers,
        transform=spec.transform,
        resources=resources_of(spec.spec),
        busy=busy,
    )


def _observe(store: Store, runtime: Runtime, pipeline: Pipeline) -> Mapping[str, GroupStatus]:
    """Return what the runtime tells, after the sets that dead workers of the pipeline held were given to others.

    Who held a set when asked, and lives no more when asked afterwards, is dead; one that was born in between is not
    taken for that.
    """
    with store.db.read() as tx:
        holders = work.holders(tx, pipeline)
    observed = runtime.observe()
    groups = [status.workers for key, status in observed.items() if work.parse_group(key)[0] == pipeline]
    living = [names for names in groups if names is not None]
    if len(living) == len(groups):
        dead = holders.difference(*living)
        if dead:
            work.withdraw(store, pipeline, dead.__contains__)
    return observed


def _remove_all_but(runtime: Runtime, pipeline: Pipeline, key: str) -> None:
    """Remove the pipeline's worker groups of other versions."""
    prefix = f"{pipeline.project}/{pipeline.name}/"
    for other in runtime.observe():
        if other.startswith(prefix) and other != key:
            runtime.remove(other)


def _wrong_runtime(spec: Declared, runtime: Runtime) -> str:
    if not spec.runtime or spec.runtime == runtime.name:
        return ""
    return (
        f"this version was declared for the {spec.runtime} runtime, but pachd runs with {runtime.name}: "
        f"start pachd with {spec.runtime}, or update the pipeline"
    )
