"""Deleting what pipelines live in: they go with it, and their jobs with them."""

from __future__ import annotations

from hathi.metadata.transaction import Transaction
from hathi.model.references import DEFAULT_PROJECT
from hathi.pipelines import definitions
from hathi.pipelines.rows import pipelines
from hathi.versioning import deletion, projects


def delete_project(tx: Transaction, name: str, *, force: bool = False) -> bool:
    """Delete a project; False when there is none. One that holds something is refused unless `force`.

    Raises PreconditionError, also for the project that always exists.
    """
    if force and name != DEFAULT_PROJECT:
        _delete_pipelines(tx, name)
    return projects.delete(tx, name, force=force)


def delete_everything(tx: Transaction) -> None:
    """Delete every pipeline, project, repo, branch and commit; what remains is the empty project `default`."""
    _delete_pipelines(tx)
    deletion.delete_all(tx)


def _delete_pipelines(tx: Transaction, project: str = "") -> None:
    for row in pipelines.list_rows(tx):
        if project in ("", row.pipeline.project):
            definitions.delete(tx, row.pipeline, force=True)
