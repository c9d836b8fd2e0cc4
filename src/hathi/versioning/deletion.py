"""Deleting everything."""

from __future__ import annotations

from sqlalchemy import select

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import projects as projects_table
from hathi.metadata.tables.pfs import repos as repos_table
from hathi.model.references import DEFAULT_PROJECT, Repo
from hathi.versioning import projects, repos


def delete_all(tx: Transaction) -> None:
    """Delete every project, repo, branch and commit; what remains is the empty project `default`."""
    every = tx.connection.execute(select(repos_table.c.project, repos_table.c.name, repos_table.c.type)).all()
    repos.remove(tx, [Repo(*row) for row in every])
    for name in tx.connection.execute(select(projects_table.c.name)).scalars().all():
        if name != DEFAULT_PROJECT:
            projects.delete(tx, name)
