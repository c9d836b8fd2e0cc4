"""Projects: folders for repos and pipelines. `default` always exists."""

from __future__ import annotations

from hathi.metadata.database import Transaction
from hathi.model.infos import ProjectInfo


def create(tx: Transaction, name: str, description: str = "", *, update: bool = False) -> None:
    """Create a project, or with `update` set the description of an existing one too (and create a missing one).

    Raises InvalidError (name), ProjectExists.
    """
    raise NotImplementedError


def inspect(tx: Transaction, name: str) -> ProjectInfo:
    """Return a project; ProjectNotFound when there is none."""
    raise NotImplementedError


def list_projects(tx: Transaction) -> list[ProjectInfo]:
    """Return every project, by name."""
    raise NotImplementedError


def delete(tx: Transaction, name: str, *, force: bool = False) -> bool:
    """Delete a project; False when there is none. One that holds repos is refused unless `force`, which deletes them."""
    raise NotImplementedError
