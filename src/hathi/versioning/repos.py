"""Repos: created, described, listed, deleted."""

from __future__ import annotations

from collections.abc import Collection

from hathi.metadata.database import Transaction
from hathi.model.infos import RepoInfo
from hathi.model.references import Repo


def create(tx: Transaction, repo: Repo, description: str = "", *, update: bool = False) -> None:
    """Create a repo, or with `update` set the description of an existing one (and create a missing one).

    Raises InvalidError (name), ProjectNotFound, RepoExists.
    """
    raise NotImplementedError


def inspect(tx: Transaction, repo: Repo) -> RepoInfo:
    """Return a repo with its exact size and branches; RepoNotFound when there is none."""
    raise NotImplementedError


def list_repos(tx: Transaction, *, projects: Collection[str] = (), type: str = "") -> list[RepoInfo]:
    """Return repos, newest first, of the `projects` (none given: all) and the `type` ("": every type)."""
    raise NotImplementedError


def delete(tx: Transaction, repo: Repo, *, force: bool = False, by_pipeline: bool = False) -> bool:
    """Delete a repo with its branches and commits, and with a user repo its spec and meta siblings; False when absent.

    Refused (PreconditionError) when it belongs to a pipeline, unless `force` or `by_pipeline` (the pipeline itself is being
    deleted), and when branches of other repos are made from its branches, unless `force`.
    """
    raise NotImplementedError
