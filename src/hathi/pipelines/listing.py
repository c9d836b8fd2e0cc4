"""What people ask about pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from hathi.metadata.paging import stream
from hathi.metadata.transaction import Transaction
from hathi.model.pps import JobState, PipelineInfo
from hathi.model.references import Pipeline
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.rows import job_pages, jobs, pipelines
from hathi.pipelines.rows.pipelines import PipelineRow, VersionRow
from hathi.versioning.store import Store

_PAGE = 20
"""Pipelines, or versions of one, read in one transaction: each comes with its spec, which may be long."""


def inspect(tx: Transaction, pipeline: Pipeline, *, details: bool = True, version: int = 0) -> PipelineInfo:
    """Return a pipeline at a version, 0 meaning the present one; PipelineNotFound. Without details: no specs."""
    row = pipelines.get(tx, pipeline)
    return _info(tx, row, pipelines.version(tx, row.id, version or row.version), details=details)


def list_pipelines(
    store: Store,
    *,
    projects: Sequence[str] = (),
    name: str = "",
    history: int = 0,
    details: bool = True,
    commit_set: str = "",
) -> Iterator[PipelineInfo]:
    """Yield pipelines, newest first, page by page; `history` older versions of each too (-1: all of them).

    commit_set: only pipelines with a job of that id, at the version the job ran with.
    """
    if commit_set:
        yield from _of_set(store, projects, name, commit_set, details=details)
        return

    def rows(tx: Transaction, after: int | None) -> tuple[list[PipelineRow], int | None]:
        return pipelines.page(tx, after, _PAGE, projects=projects, name=name)

    def infos(tx: Transaction, after: int | None) -> tuple[list[PipelineInfo], int | None]:
        found, next_after = rows(tx, after)
        return [
            _info(tx, row, pipelines.version(tx, row.id, row.version), details=details) for row in found
        ], next_after

    if history == 0:
        yield from stream(store.db, infos)
        return
    for row in stream(store.db, rows):
        yield from stream(store.db, partial(_versions, row, history, details))


def list_names(tx: Transaction, projects: Sequence[str] = ()) -> list[Pipeline]:
    """Return the names of all pipelines, newest first; of some projects when given."""
    return [row.pipeline for row in pipelines.list_rows(tx) if not projects or row.pipeline.project in projects]


def datums_kept(store: Store, pipeline: Pipeline) -> int:
    """Return how many successful datums the present version could take over from the one before: none for the first
    version or when the salt was drawn anew. PipelineNotFound.
    """
    with store.chunks.reading():
        with store.db.read() as tx:
            row = pipelines.get(tx, pipeline)
            present, *before = pipelines.versions(tx, row, row.version, 2)
            if not before or before[0].salt != present.salt:
                return 0
            first = job_pages.first_of_version(tx, row.id, row.version) or jobs.NEVER
            done = jobs.last_complete(tx, row.id, present.spec["output_branch"], first)
        return 0 if done is None or done.index_root is None else DatumIndex(store.chunks, done.index_root).successful


def _versions(
    row: PipelineRow, history: int, details: bool, tx: Transaction, newest: int | None
) -> tuple[list[PipelineInfo], int | None]:
    """Return a page of what is told of a pipeline's versions, and the number of the one behind it."""
    oldest = 1 if history < 0 else max(row.version - history, 1)
    start = row.version if newest is None else newest
    number = min(start - oldest + 1, _PAGE)
    current = pipelines.find(tx, row.pipeline)
    if current is None or current.id != row.id:  # deleted meanwhile
        return [], None
    found = pipelines.versions(tx, row, start, number)
    infos = [_info(tx, current, version, details=details) for version in found]
    return infos, start - number if start - number >= oldest else None


def _of_set(
    store: Store, projects: Sequence[str], name: str, commit_set: str, *, details: bool
) -> Iterator[PipelineInfo]:
    with store.db.read() as tx:
        found = []
        for job in reversed(jobs.list_set(tx, commit_set)):
            pipeline = job.job.pipeline
            if (not projects or pipeline.project in projects) and name in ("", pipeline.name):
                version = pipelines.version(tx, job.pipeline_id, job.version)
                found.append(_info(tx, pipelines.by_id(tx, job.pipeline_id), version, details=details))
    yield from sorted(found, key=lambda info: info.created, reverse=True)


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
