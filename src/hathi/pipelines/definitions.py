"""What people declare: pipelines made, changed, stopped, started and deleted, each inside one transaction.

A pipeline is a record, a version for each spec it ever had, and three repos (`pipelines.repos`). Nothing here starts
jobs: a new version is a commit on the spec branch, from which output and meta branch are made, and the commit brings
the job.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from hathi.metadata.transaction import Transaction
from hathi.model.errors import ExistsError, InvalidError, UnimplementedError
from hathi.model.inputs import Cron, Group, Join, Pfs, walk
from hathi.model.pps import PipelineInfo, PipelineState, PipelineType
from hathi.model.references import DEFAULT_PROJECT, USER, Pipeline
from hathi.model.spec import ParsedSpec, camel_case, parse_spec
from hathi.pipelines import ending, repos
from hathi.pipelines.declared import declared
from hathi.pipelines.listing import inspect
from hathi.pipelines.rows import pipelines, sets
from hathi.pipelines.rows.pipelines import PipelineRow, VersionRow

_NOT_SERVED = {Cron: "cron", Join: "join", Group: "group"}
_FIELDS_NOT_SERVED = (("egress",), ("s3_out",), ("transform", "secrets"), ("transform", "datum_batching"))
_INPUTS_NOT_SERVED = ("s3", "trigger")

log = logging.getLogger(__name__)


class PipelineExists(ExistsError):
    """A pipeline of that name exists."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(f"pipeline {pipeline} already exists")
        self.pipeline = pipeline


def create(
    tx: Transaction,
    spec: Mapping[str, Any],
    *,
    user_spec_json: str = "",
    update: bool = False,
    reprocess: bool = False,
    runtime: str = "",
    project: str = DEFAULT_PROJECT,
) -> PipelineInfo:
    """Create a pipeline, or with `update` give it a new version (and create it when it is missing).

    spec: the request in JSON form, camelCase or snake_case, checked here; `project` is used where it names none.
    user_spec_json: the user's own text, kept as it is; "" takes `spec` for it.
    reprocess: draw a new salt, so that every datum runs again.
    With `backfill` in the spec, a new pipeline gets a job for each finished commit of its inputs, oldest first.
    runtime: name of the runtime to record with the version. Raises SpecError (every problem at once), PipelineExists,
    RepoTaken, NotFoundError (missing input repo), InvalidError.
    """
    parsed = parse_spec(spec, project=project)
    _check_served(parsed)
    for note in parsed.notes:  # clients of the original have no place for them
        tx.after_commit(partial(log.info, "the spec of pipeline %s: %s", parsed.pipeline, note))
    update = parsed.modifiers.get("update", update)
    reprocess = parsed.modifiers.get("reprocess", reprocess)
    row = pipelines.find(tx, parsed.pipeline)
    if row is not None and not update:
        raise PipelineExists(parsed.pipeline)
    before = None if row is None else pipelines.version(tx, row.id, row.version)
    salt = _salt(parsed, before, reprocess=reprocess)
    if row is None:
        repos.make(tx, parsed.pipeline, parsed.effective["output_branch"], parsed.input)
        pipelines.insert_row(tx, parsed.pipeline, parsed.type)
        row = pipelines.get(tx, parsed.pipeline)
    else:
        ending.stop_all(tx, row.id, ending.UPDATED)
    _add_version(tx, row, parsed, user_spec_json or json.dumps(spec), salt, runtime)
    if not row.stopped:
        _rewire(tx, parsed, before)
    if before is None and parsed.modifiers.get("backfill"):
        repos.catch_up(tx, parsed.pipeline, parsed.effective["output_branch"], parsed.input)
    return inspect(tx, parsed.pipeline)


def delete(tx: Transaction, pipeline: Pipeline, *, keep_repo: bool = False, force: bool = False) -> bool:
    """Delete a pipeline with its jobs and repos; False when there is none.

    keep_repo: the output repo stays, with what is in it. force: even when branches of other repos depend on it.
    """
    row = pipelines.find(tx, pipeline)
    if row is None:
        return False
    if keep_repo:
        ending.close_all(tx, row.id, ending.DELETED)
    branch = pipelines.version(tx, row.id, row.version).spec["output_branch"]
    repos.delete(tx, pipeline, branch, keep_output=keep_repo, force=force)
    pipelines.delete_row(tx, row)
    tx.emit(sets.topic(pipeline))
    return True


def start(tx: Transaction, pipeline: Pipeline) -> None:
    """Let a stopped pipeline follow its inputs again: one job for the present heads. PipelineNotFound."""
    row = pipelines.get(tx, pipeline)
    if not row.stopped:
        return
    pipelines.set_stopped(tx, row, False)
    pipelines.set_state(tx, row, PipelineState.STARTING, "")
    spec = declared(pipeline, pipelines.version(tx, row.id, row.version))
    repos.follow(tx, pipeline, spec.output_branch, spec.input)


def stop(tx: Transaction, pipeline: Pipeline) -> None:
    """Kill unfinished jobs and follow the inputs no more. PipelineNotFound."""
    row = pipelines.get(tx, pipeline)
    if row.stopped:
        return
    ending.stop_all(tx, row.id, ending.PIPELINE_STOPPED)
    repos.unfollow(tx, pipeline, pipelines.version(tx, row.id, row.version).spec["output_branch"])
    pipelines.set_stopped(tx, row, True)
    pipelines.set_state(tx, row, PipelineState.PAUSED, "")


def _check_served(parsed: ParsedSpec) -> None:
    """Refuse what would be ignored: a pipeline that runs without it would not do what its spec says."""
    if parsed.type is not PipelineType.TRANSFORM:
        raise UnimplementedError(f"{parsed.type.name.lower()} pipelines are not served yet")
    if parsed.input is None:
        raise InvalidError("no input set")
    for node in walk(parsed.input):
        if type(node) in _NOT_SERVED:
            raise UnimplementedError(f"{_NOT_SERVED[type(node)]} inputs are not served yet")
        if isinstance(node, Pfs):
            if node.repo.type != USER:
                raise UnimplementedError(
                    f"input {node.name}: inputs with repo_type {node.repo.type} are not supported by this server yet"
                )
            for name in _INPUTS_NOT_SERVED:
                if getattr(node, name):
                    raise UnimplementedError(f"inputs with {name} are not served yet")
    for path in _FIELDS_NOT_SERVED:
        value: Any = parsed.effective
        for key in path:
            value = (value or {}).get(key)
        if value:
            raise UnimplementedError(f"{'.'.join(path)} is not served yet")


def _salt(parsed: ParsedSpec, before: VersionRow | None, *, reprocess: bool) -> str:
    """Return what the new version mixes into datum hashes: the old salt keeps results, a new one gives them up."""
    if before is not None and reprocess:
        return secrets.token_hex(16)
    given: str = parsed.effective.get("salt", "")
    return given or (secrets.token_hex(16) if before is None else before.salt)


def _add_version(
    tx: Transaction, row: PipelineRow, parsed: ParsedSpec, user_spec_json: str, salt: str, runtime: str
) -> None:
    number = row.version + 1
    commit = repos.commit_spec(tx, row.pipeline, number)
    version = VersionRow(
        pipeline_id=row.id,
        version=number,
        created=tx.now,
        spec={**parsed.effective, "salt": salt},
        user_spec_json=user_spec_json,
        effective_spec_json=json.dumps(camel_case(parsed.effective)),
        salt=salt,
        spec_set_id=commit.id,
        runtime=runtime,
    )
    state = PipelineState.PAUSED if row.stopped else PipelineState.STARTING
    pipelines.add_version(tx, version, parsed.type, state)
    tx.emit(pipelines.topic(row.pipeline))


def _rewire(tx: Transaction, parsed: ParsedSpec, before: VersionRow | None) -> None:
    branch = parsed.effective["output_branch"]
    if before is not None and before.spec["output_branch"] != branch:
        repos.unfollow(tx, parsed.pipeline, before.spec["output_branch"])
    repos.follow(tx, parsed.pipeline, branch, parsed.input)
