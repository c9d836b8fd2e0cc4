"""Branches: names that move along commits, and the edges of the provenance graph between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hathi.metadata.database import Transaction
from hathi.model.infos import BranchInfo, Trigger
from hathi.model.references import Branch, CommitSpec, Repo


def create(
    tx: Transaction,
    branch: Branch,
    head: CommitSpec | None = None,
    provenance: Sequence[Branch] = (),
    *,
    trigger: Trigger | None = None,
    new_commit_set: bool = False,
    silent: Collection[Branch] = (),
    created_by: str = "",
) -> None:
    """Create a branch or change an existing one.

    head: where it shall point; None leaves an existing head and gives a new branch an empty finished commit (origin AUTO).
    provenance: all branches it is made from, replacing the former ones; missing branches are created empty. When it
        changes and is not empty, the branch gets a new open commit before the transaction commits.
    trigger: excludes provenance.
    new_commit_set: give the commits that follow a fresh id.
    silent: those of `provenance` whose changes make no commit here.
    Raises InvalidError, RepoNotFound, CommitNotFound, DagConflict (two branches of one repo in one graph).
    """
    raise NotImplementedError


def inspect(tx: Transaction, branch: Branch) -> BranchInfo:
    """Return a branch; RepoNotFound or BranchNotFound when there is none."""
    raise NotImplementedError


def exists(tx: Transaction, branch: Branch) -> bool:
    """Return whether there is such a branch."""
    raise NotImplementedError


def list_branches(tx: Transaction, repo: Repo, *, reverse: bool = False) -> list[BranchInfo]:
    """Return the branches of a repo, newest first; RepoNotFound."""
    raise NotImplementedError


def delete(tx: Transaction, branch: Branch, *, force: bool = False) -> bool:
    """Delete a branch, not its commits; False when there is none.

    Refused (PreconditionError) while other branches are made from it or a trigger watches it, unless `force`.
    """
    raise NotImplementedError
