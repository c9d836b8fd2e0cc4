"""Commits: started, finished, found and told about."""

from __future__ import annotations

from hathi.metadata.database import Transaction
from hathi.model.infos import CommitInfo, CommitSetInfo, Origin
from hathi.model.references import Branch, Commit, CommitSpec, Repo


def start(
    tx: Transaction, branch: Branch, parent: CommitSpec | None = None, description: str = "", *, created_by: str = ""
) -> Commit:
    """Start a commit of origin USER on a branch (made when missing) and make it the head. Returns its name.

    parent: a commit of the same repo, at least closed; None means the head.
    Raises RepoNotFound, CommitNotFound, OutputBranch, ParentNotFinished, InconsistentCommit.
    """
    raise NotImplementedError


def create_empty(
    tx: Transaction, branch: Branch, origin: Origin = Origin.AUTO, description: str = "", *, created_by: str = ""
) -> Commit:
    """Make a finished commit with no changes on a branch (made when missing), as head. For spec commits and first heads."""
    raise NotImplementedError


def finish(
    tx: Transaction,
    spec: CommitSpec,
    description: str | None = None,
    error: str = "",
    *,
    force: bool = False,
) -> Commit:
    """Close a commit: FINISHING, and FINISHED as soon as its writes are folded into a tree (at once if there are none).

    description: replaces the one given at start. error: marks the commit as failed, drops its contents, finishes at once.
    Raises CommitFinished; PreconditionError for a pipeline's output or meta commit unless `force`.
    """
    raise NotImplementedError


def finish_output(tx: Transaction, commit: Commit, root: bytes, size: int, error: str = "") -> None:
    """Finish an open commit with a tree that is durable already (its packs registered in this transaction or before).

    Raises CommitNotFound, CommitFinished.
    """
    raise NotImplementedError


def clear(tx: Transaction, spec: CommitSpec) -> None:
    """Forget what was written to an open commit. Raises CommitFinished."""
    raise NotImplementedError


def resolve(tx: Transaction, spec: CommitSpec) -> Commit:
    """Return the commit that a request means: `branch`, id, either with ancestry, or an id known through provenance only.

    Raises RepoNotFound, BranchNotFound, CommitNotFound, InvalidError.
    """
    raise NotImplementedError


def inspect(tx: Transaction, spec: CommitSpec) -> CommitInfo:
    """Return the commit that `spec` means; see `resolve`."""
    raise NotImplementedError


def root_of(tx: Transaction, commit: Commit) -> bytes | None:
    """Return the root of a commit's tree; None while it is not FINISHED. Raises CommitNotFound."""
    raise NotImplementedError


def good_ancestor(tx: Transaction, commit: Commit, origin: Origin | None = None) -> Commit | None:
    """Return the nearest ancestor (not itself) that is FINISHED without error and, if given, of that origin."""
    raise NotImplementedError


def list_commits(
    tx: Transaction,
    repo: Repo,
    *,
    from_: CommitSpec | None = None,
    to: CommitSpec | None = None,
    number: int = 0,
    reverse: bool = False,
    origin: Origin | None = None,
    after: int = 0,
) -> list[CommitInfo]:
    """Return commits, newest first: all of the repo, or from `to` along parents until `from_`, which is left out.

    number: at most so many; 0 means all. reverse: oldest first, not together with from and to (InvalidError).
    """
    raise NotImplementedError


def commit_set(tx: Transaction, id: str) -> list[CommitInfo]:
    """Return the commits that share an id, upstream ones first; CommitSetNotFound when there are none."""
    raise NotImplementedError


def list_commit_sets(tx: Transaction, project: str = "") -> list[CommitSetInfo]:
    """Return all commit sets that touch the project ("": any), newest first."""
    raise NotImplementedError
