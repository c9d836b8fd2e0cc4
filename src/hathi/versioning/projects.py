"""Projects: folders for repos and pipelines. `default` always exists."""

from __future__ import annotations

from sqlalchemy import delete as delete_from
from sqlalchemy import insert, select
from sqlalchemy import update as update_table

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import projects, repos
from hathi.model import names
from hathi.model.errors import PreconditionError
from hathi.model.infos import ProjectInfo
from hathi.model.references import DEFAULT_PROJECT, Repo
from hathi.versioning import repos as repositories
from hathi.versioning.errors import ProjectExists, ProjectNotFound


def create(tx: Transaction, name: str, description: str = "", *, update: bool = False) -> None:
    """Create a project, or with `update` set the description of an existing one too (and create a missing one).

    Raises InvalidError (name), ProjectExists.
    """
    names.check_project(name)
    if tx.connection.execute(select(projects.c.name).where(projects.c.name == name)).first() is None:
        tx.connection.execute(insert(projects).values(name=name, description=description, created=tx.now))
    elif update:
        change = update_table(projects).where(projects.c.name == name)
        tx.connection.execute(change.values(description=description))
    else:
        raise ProjectExists(name)
    tx.emit(f"project/{name}")


def inspect(tx: Transaction, name: str) -> ProjectInfo:
    """Return a project; ProjectNotFound when there is none."""
    row = tx.connection.execute(select(projects).where(projects.c.name == name)).first()
    if row is None:
        raise ProjectNotFound(name)
    return ProjectInfo(row.name, row.description, row.created)


def list_projects(tx: Transaction) -> list[ProjectInfo]:
    """Return every project, by name."""
    rows = tx.connection.execute(select(projects).order_by(projects.c.name))
    return [ProjectInfo(row.name, row.description, row.created) for row in rows]


def delete(tx: Transaction, name: str, *, force: bool = False) -> bool:
    """Delete a project; False when there is none. One that holds repos is refused unless `force`, which deletes them.

    `default` is refused (PreconditionError).
    """
    if tx.connection.execute(select(projects.c.name).where(projects.c.name == name)).first() is None:
        return False
    if name == DEFAULT_PROJECT:
        raise PreconditionError(f'project "{DEFAULT_PROJECT}" cannot be deleted: it always exists')
    found = tx.connection.execute(select(repos.c.name, repos.c.type).where(repos.c.project == name)).all()
    if found and not force:
        raise PreconditionError(f'project "{name}" cannot be deleted: it still holds {len(found)} repos')
    repositories.remove(tx, [Repo(name, repo, kind) for repo, kind in found])
    tx.connection.execute(delete_from(projects).where(projects.c.name == name))
    tx.emit(f"project/{name}")
    return True
