"""What a controller cannot do for now, told where people look: in the reason of the job or pipeline.

Nobody is woken by it, for the controller itself would be among them, and try again at once what it means to put off.
"""

from __future__ import annotations

from hathi.model.errors import HathiError
from hathi.model.pps import PipelineState
from hathi.model.references import Pipeline
from hathi.pipelines.controllers.topics import Key
from hathi.pipelines.rows import jobs, pipelines
from hathi.versioning.store import Store

_HOPEFUL = (PipelineState.STARTING, PipelineState.RUNNING, PipelineState.STANDBY)


def describe(error: Exception) -> str:
    """Return an error in a line for a person; what was not foreseen is named by its kind, too."""
    return error.message if isinstance(error, HathiError) else f"{type(error).__name__}: {error}"


def tell(store: Store, key: Key, text: str) -> None:
    """Write down why a job, or a pipeline, does not get on. A pipeline without a worker that is ready is CRASHING."""
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


def withdraw(store: Store, key: Key, text: str) -> None:
    """Take back what `tell` wrote, once a job gets on. A pipeline's reason is written anew at each look anyway."""
    if isinstance(key, Pipeline):
        return
    with store.db.write() as tx:
        job = jobs.find(tx, key, hidden=True)
        if job is not None and not job.state.terminal and job.reason == text:
            jobs.note(tx, job, "")
