"""Show what a controller cannot do for now where users look: in the reason of the job or pipeline.

No event is sent for it: the controller itself would get it, and try again at once what it means to put off.
"""

from __future__ import annotations

from hathi.model.pps import PipelineState
from hathi.model.references import Pipeline
from hathi.pipelines.controllers.topics import Key
from hathi.pipelines.rows import jobs, pipelines
from hathi.versioning.store import Store

_HOPEFUL = (PipelineState.STARTING, PipelineState.RUNNING, PipelineState.STANDBY)


def subject(key: Key) -> str:
    """Return how the record of failures names a pipeline or job."""
    return f"pipeline {key}" if isinstance(key, Pipeline) else f"job {key}"


def show(store: Store, key: Key, text: str) -> None:
    """Write down why a job, or a pipeline, makes no progress. A pipeline without a worker that is ready is CRASHING."""
    with store.db.write() as tx:
        if isinstance(key, Pipeline):
            pipeline = pipelines.find(tx, key)
            if pipeline is not None:
                hopeless = pipeline.workers_ready == 0 and pipeline.state in _HOPEFUL
                pipelines.note(tx, pipeline, PipelineState.CRASHING if hopeless else pipeline.state, text)
        else:
            job = jobs.find(tx, key, hidden=True)
            if job is not None and not job.state.terminal:
                jobs.note(tx, job, text)


def take_back(store: Store, key: Key, text: str) -> None:
    """Remove what `show` wrote, once a job makes progress. A pipeline's reason is written anew at each look anyway."""
    if isinstance(key, Pipeline):
        return
    with store.db.write() as tx:
        job = jobs.find(tx, key, hidden=True)
        if job is not None and not job.state.terminal and job.reason == text:
            jobs.note(tx, job, "")
