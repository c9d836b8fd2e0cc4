"""Rows of pipelines and of their versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, insert, select, update

from hathi.metadata.paging import batched
from hathi.metadata.tables.pps import jobs, pipeline_versions, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.ids import CommitSetId
from hathi.model.pps import PipelineState, PipelineType, Spec
from hathi.model.references import Pipeline


class PipelineNotFound(NotFoundError):
    """No pipeline has this name."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(f"pipeline {pipeline} not found")
        self.pipeline = pipeline


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline. `version` is its present one."""

    id: int
    pipeline: Pipeline
    version: int
    type: PipelineType
    created: datetime
    stopped: bool
    state: PipelineState
    reason: str
    workers_ready: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """What a pipeline was declared as, once."""

    pipeline_id: int
    version: int
    created: datetime
    spec: Spec
    user_spec_json: str
    effective_spec_json: str
    salt: str
    spec_set_id: CommitSetId
    runtime: str


def topic(pipeline: Pipeline) -> str:
    """Return the feed topic of a pipeline."""
    return f"pipeline/{pipeline.project}/{pipeline.name}"


def find(tx: Transaction, pipeline: Pipeline) -> PipelineRow | None:
    """Return a pipeline, or None."""
    return next(_rows(tx, _FIND, {"the_project": pipeline.project, "the_name": pipeline.name}), None)


def get(tx: Transaction, pipeline: Pipeline) -> PipelineRow:
    """Return a pipeline; PipelineNotFound."""
    row = find(tx, pipeline)
    if row is None:
        raise PipelineNotFound(pipeline)
    return row


def by_id(tx: Transaction, id: int) -> PipelineRow:
    """Return the pipeline with that row id, which exists."""
    return next(_rows(tx, _BY_ID, {"the_pipeline": id}))


def page(
    tx: Transaction, after: int | None, number: int, *, projects: Sequence[str] = (), name: str = ""
) -> tuple[list[PipelineRow], int | None]:
    """Return up to `number` pipelines, newest first, and the key behind which the next page begins, None for none.

    `projects` and `name` narrow them when given.
    """
    statement = select(pipelines).order_by(pipelines.c.id.desc()).limit(number)
    if name:
        statement = statement.where(pipelines.c.name == name)
    if after is not None:
        statement = statement.where(pipelines.c.id < after)
    every = dict.fromkeys(projects)
    statements = [statement.where(pipelines.c.project == project) for project in every] or [statement]
    lists = [list(_rows(tx, one)) for one in statements]
    found = list(islice(merge(*lists, key=lambda row: row.id, reverse=True), number))
    return found, found[-1].id if len(found) == number else None


def list_rows(tx: Transaction) -> Iterator[PipelineRow]:
    """Yield all pipelines, newest first."""
    yield from _rows(tx, _ALL)


def by_ids(tx: Transaction, ids: Iterable[int]) -> dict[int, PipelineRow]:
    """Return pipelines by their row ids."""
    found = (row for batch in batched(set(ids)) for row in _rows(tx, _BY_IDS, {"the_pipelines": batch}))
    return {row.id: row for row in found}


def versions_of_jobs(tx: Transaction, job_ids: Iterable[int]) -> dict[tuple[int, int], VersionRow]:
    """Return the versions that jobs run with, by pipeline row id and number; one job for each version is enough."""
    found: dict[tuple[int, int], VersionRow] = {}
    for batch in batched(job_ids):
        for row in tx.connection.execute(_VERSIONS_OF_JOBS, {"the_jobs": batch}):
            found[row.pipeline_id, row.version] = _version(row)
    return found


def insert_row(tx: Transaction, pipeline: Pipeline, type: PipelineType) -> int:
    """Add a pipeline of version 0, which has no spec yet, and return its row id."""
    values = {
        "project": pipeline.project,
        "name": pipeline.name,
        "version": 0,
        "type": type,
        "created": tx.now,
        "state": PipelineState.STARTING,
    }
    [id] = tx.connection.execute(insert(pipelines).values(values)).inserted_primary_key or (0,)
    return int(id)


def add_version(tx: Transaction, row: VersionRow, type: PipelineType, state: PipelineState) -> None:
    """Add a version and make it the present one."""
    values = {
        "pipeline_id": row.pipeline_id,
        "version": row.version,
        "created": row.created,
        "spec": dict(row.spec),
        "user_spec_json": row.user_spec_json,
        "effective_spec_json": row.effective_spec_json,
        "salt": row.salt,
        "spec_set_id": row.spec_set_id,
        "runtime": row.runtime,
    }
    tx.connection.execute(insert(pipeline_versions).values(values))
    change = update(pipelines).where(pipelines.c.id == row.pipeline_id)
    tx.connection.execute(change.values(version=row.version, type=type, state=state, reason="", workers_ready=0))


def versions(tx: Transaction, row: PipelineRow, newest: int, number: int) -> list[VersionRow]:
    """Return up to `number` of a pipeline's versions, newest first, from the version `newest` on."""
    named = {"the_pipeline": row.id, "the_version": newest, "the_number": number}
    return [_version(found) for found in tx.connection.execute(_VERSIONS, named)]


def version(tx: Transaction, pipeline_id: int, number: int) -> VersionRow:
    """Return a version that exists."""
    return _version(tx.connection.execute(_VERSION, {"the_pipeline": pipeline_id, "the_version": number}).one())


def set_state(tx: Transaction, row: PipelineRow, state: PipelineState, reason: str, workers_ready: int = 0) -> None:
    """Record what is true of a pipeline, and tell."""
    values = {"state": state, "reason": reason, "workers_ready": workers_ready}
    tx.connection.execute(update(pipelines).where(pipelines.c.id == row.id).values(values))
    tx.emit(topic(row.pipeline))


def note(tx: Transaction, row: PipelineRow, state: PipelineState, reason: str) -> None:
    """Record what is true of a pipeline, and tell nobody."""
    tx.connection.execute(update(pipelines).where(pipelines.c.id == row.id).values(state=state, reason=reason))


def set_stopped(tx: Transaction, row: PipelineRow, stopped: bool) -> None:
    """Record whether a pipeline is stopped, and tell."""
    tx.connection.execute(update(pipelines).where(pipelines.c.id == row.id).values(stopped=stopped))
    tx.emit(topic(row.pipeline))


def delete_row(tx: Transaction, row: PipelineRow) -> None:
    """Forget a pipeline with its versions, jobs and their work, and tell; also who waits for one of the jobs."""
    for set_id in tx.connection.execute(_UNFINISHED_JOBS, {"the_pipeline": row.id}).scalars().all():
        tx.emit(f"job/{row.pipeline.project}/{row.pipeline.name}/{set_id}")
    tx.connection.execute(delete(pipelines).where(pipelines.c.id == row.id))
    tx.emit(topic(row.pipeline))


def _rows(tx: Transaction, statement: Select[Any], values: Mapping[str, object] | None = None) -> Iterator[PipelineRow]:
    for row in tx.connection.execute(statement, values):
        yield _pipeline(row)


def _pipeline(row: Row[Any]) -> PipelineRow:
    return PipelineRow(
        id=row.id,
        pipeline=Pipeline(row.project, row.name),
        version=row.version,
        type=row.type,
        created=row.created,
        stopped=row.stopped,
        state=row.state,
        reason=row.reason,
        workers_ready=row.workers_ready,
    )


def _version(row: Row[Any]) -> VersionRow:
    return VersionRow(
        pipeline_id=row.pipeline_id,
        version=row.version,
        created=row.created,
        spec=row.spec,
        user_spec_json=row.user_spec_json,
        effective_spec_json=row.effective_spec_json,
        salt=row.salt,
        spec_set_id=row.spec_set_id,
        runtime=row.runtime,
    )


# What every look at a pipeline or a job asks, built once.
_BY_ID = select(pipelines).where(pipelines.c.id == bindparam("the_pipeline"))
_FIND = select(pipelines).where(
    pipelines.c.project == bindparam("the_project"), pipelines.c.name == bindparam("the_name")
)
_VERSION = select(pipeline_versions).where(
    pipeline_versions.c.pipeline_id == bindparam("the_pipeline"),
    pipeline_versions.c.version == bindparam("the_version"),
)
_ALL = select(pipelines).order_by(pipelines.c.id.desc())
_BY_IDS = select(pipelines).where(pipelines.c.id.in_(bindparam("the_pipelines", expanding=True)))
_VERSIONS_OF_JOBS = (
    select(pipeline_versions)
    .join(
        jobs,
        (jobs.c.pipeline_id == pipeline_versions.c.pipeline_id) & (jobs.c.version == pipeline_versions.c.version),
    )
    .where(jobs.c.id.in_(bindparam("the_jobs", expanding=True)))
)
_VERSIONS = (
    select(pipeline_versions)
    .where(
        pipeline_versions.c.pipeline_id == bindparam("the_pipeline"),
        pipeline_versions.c.version <= bindparam("the_version"),
    )
    .order_by(pipeline_versions.c.version.desc())
    .limit(bindparam("the_number"))
)
_UNFINISHED_JOBS = select(jobs.c.set_id).where(
    jobs.c.pipeline_id == bindparam("the_pipeline"), jobs.c.finished.is_(None)
)
