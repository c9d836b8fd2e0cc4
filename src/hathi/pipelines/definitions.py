"""What people declare: pipelines made, changed, stopped, started and deleted, each inside one transaction.

A pipeline is a record, a version for each spec it ever had, and three repos: its output, a spec repo whose commits stand for
versions, and a meta repo whose commits hold the datum index. Output and meta branch have the same provenance: the input
branches and the spec branch. Hence a new spec, like new data, opens a commit on both, and the commit brings the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hathi.metadata.database import Transaction
from hathi.model.pps import PipelineInfo
from hathi.model.references import Pipeline


def create(
    tx: Transaction,
    spec: Mapping[str, Any],
    *,
    user_spec_json: str = "",
    update: bool = False,
    reprocess: bool = False,
    runtime: str = "",
    project: str = "default",
) -> PipelineInfo:
    """Create a pipeline, or with `update` give it a new version (and create it when it is missing).

    spec: the request in JSON form, camelCase or snake_case, checked here; `project` is used where it names none.
    user_spec_json: the user's own text, kept as it is; "" takes `spec` for it.
    reprocess: draw a new salt, so that every datum runs again.
    runtime: name of the runtime to record with the version.
    Raises SpecError (every problem at once), ExistsError, NotFoundError (missing input repo), InvalidError.
    """
    raise NotImplementedError


def inspect(tx: Transaction, pipeline: Pipeline, *, details: bool = True) -> PipelineInfo:
    """Return a pipeline at its present version; NotFoundError when there is none. Without details: no specs."""
    raise NotImplementedError


def list_pipelines(
    tx: Transaction,
    *,
    projects: tuple[str, ...] = (),
    name: str = "",
    history: int = 0,
    details: bool = True,
    commit_set: str = "",
) -> Iterator[PipelineInfo]:
    """Yield pipelines, newest first; `history` older versions of each too (-1: all of them)."""
    raise NotImplementedError


def delete(tx: Transaction, pipeline: Pipeline, *, keep_repo: bool = False, force: bool = False) -> bool:
    """Delete a pipeline with its jobs and repos; False when there is none.

    keep_repo: the output repo stays, with what is in it. force: even when branches of other repos depend on it.
    """
    raise NotImplementedError


def start(tx: Transaction, pipeline: Pipeline) -> None:
    """Let a stopped pipeline follow its inputs again: one job for the present heads. NotFoundError when missing."""
    raise NotImplementedError


def stop(tx: Transaction, pipeline: Pipeline) -> None:
    """Kill unfinished jobs and follow the inputs no more. NotFoundError when missing."""
    raise NotImplementedError


def datums_kept(tx: Transaction, pipeline: Pipeline) -> int:
    """Return how many successful datums the present version took over from the one before without running them."""
    raise NotImplementedError
