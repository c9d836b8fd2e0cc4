"""What people ask about pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hathi.metadata.transaction import Transaction
from hathi.model.pps import JobState, PipelineInfo
from hathi.model.references import Pipeline
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.rows import jobs, pipelines
from hathi.pipelines.rows.pipelines import PipelineRow, VersionRow
from hathi.versioning.store import Store


def inspect(tx: Transaction, pipeline: Pipeline, *, details: bool = True, version: int = 0) -> PipelineInfo:
    """Return a pipeline at a version, 0 meaning the present one; PipelineNotFound. Without details: no specs."""
    row = pipelines.get(tx, pipeline)
    return _info(tx, row, pipelines.version(tx, row.id, version or row.version), details=details)


def list_pipelines(
    tx: Transaction,
    *,
    projects: Sequence[str] = (),
    name: str = "",
    history: int = 0,
    details: bool = True,
    commit_set: str = "",
) -> Iterator[PipelineInfo]:
    """Yield pipelines, newest first; `history` older versions of each too (-1: all of them).

    commit_set: only pipelines with a job of that id, at the version the job ran with.
    """
    for row in pipelines.list_rows(tx, projects=projects, name=name):
        if commit_set:
            job = next(jobs.list_rows(tx, pipeline=row.pipeline, set_id=commit_set), None)
            if job is not None:
                yield _info(tx, row, pipelines.version(tx, row.id, job.version), details=details)
            continue
        for version in pipelines.versions(tx, row, history):
            yield _info(tx, row, version, details=details)


def datums_kept(store: Store, pipeline: Pipeline) -> int:
    """Return how many successful datums the present version could take over from the one before: none for the first
    version or when the salt was drawn anew. PipelineNotFound.
    """
    with store.chunks.reading():
        with store.db.read() as tx:
            row = pipelines.get(tx, pipeline)
            present, *before = pipelines.versions(tx, row, 1)
            if not before or before[0].salt != present.salt:
                return 0
            done = jobs.list_rows(tx, pipeline=pipeline)
            root = next((job.index_root for job in done if job.complete and job.version < row.version), None)
        return 0 if root is None else DatumIndex(store.chunks, root).successful


def _info(tx: Transaction, row: PipelineRow, version: VersionRow, *, details: bool) -> PipelineInfo:
    return PipelineInfo(
        pipeline=row.pipeline,
        version=version.version,
        type=row.type,
        state=row.state,
        reason=row.reason,
        stopped=row.stopped,
        created=version.created,
        spec=version.spec if details else {},
        user_spec_json=version.user_spec_json if details else "",
        effective_spec_json=version.effective_spec_json if details else "",
        spec_commit=row.pipeline.spec.commit(version.spec_set_id),
        runtime=version.runtime,
        last_job_state=_last_job_state(tx, row),
        workers_requested=0 if row.stopped else int(version.spec["parallelism_spec"]["constant"]),
        workers_available=row.workers_ready,
    )


def _last_job_state(tx: Transaction, row: PipelineRow) -> JobState | None:
    """Return what is to be seen of the latest job's state, as `jobs.seen` tells it."""
    state = jobs.last_state(tx, row.id)
    return JobState.STARTING if state is JobState.RUNNING and not row.workers_ready else state
