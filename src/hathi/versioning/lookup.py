"""Which commit a request means.

A commit is pointed at by a branch, by an id, or by either with ancestry (`master^2`). An id that names no commit of the
repo may still be known there: the commits of that set were made from one of its commits, and that is the one meant.
"""

from __future__ import annotations

from sqlalchemy import select

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import commit_provenance, commits
from hathi.model.errors import InvalidError
from hathi.model.ids import CommitSetId, is_id
from hathi.model.parse import Ancestry, parse_ancestry
from hathi.model.references import Branch, Commit, CommitSpec, Repo
from hathi.versioning.ancestry import at_depth
from hathi.versioning.errors import BranchNotFound, CommitNotFound
from hathi.versioning.rows import CommitRow, commit_row, find_branch, find_commit, select_commits


def find(tx: Transaction, spec: CommitSpec) -> CommitRow:
    """Return the commit that `spec` means. Raises RepoNotFound, BranchNotFound, CommitNotFound, InvalidError."""
    text = spec.id or spec.branch
    if not text:
        raise InvalidError(f"a commit of repo {spec.repo} must be given by a branch or an id")
    ancestry = parse_ancestry(text)
    if is_id(ancestry.name):
        start = _by_id(tx, spec.repo, CommitSetId(ancestry.name))
    else:
        branch = find_branch(tx, Branch(spec.repo, ancestry.name))
        if branch.id is None:
            raise BranchNotFound(branch.branch)
        start = branch.head
    if start is None:
        raise CommitNotFound(spec)
    return _walk(tx, start, ancestry, spec)


def _by_id(tx: Transaction, repo: Repo, id: CommitSetId) -> CommitRow | None:
    repo_key, row = find_commit(tx, Commit(repo, id))
    if row is not None:
        return row
    up = select(commits.c.id).where(commits.c.set_id == id).cte("sources", recursive=True)
    up = up.union(select(commit_provenance.c.provenance_id).join(up, commit_provenance.c.commit_id == up.c.id))
    statement = select_commits().join(up, up.c.id == commits.c.id).where(commits.c.repo_id == repo_key)
    found = [commit_row(source, repo) for source in tx.connection.execute(statement)]
    return max(found, key=lambda source: source.id, default=None)


def _walk(tx: Transaction, start: CommitRow, ancestry: Ancestry, spec: CommitSpec) -> CommitRow:
    if not ancestry.back and ancestry.root is None:
        return start
    found = at_depth(tx, start, start.depth - ancestry.back if ancestry.root is None else ancestry.root - 1)
    if found is None:
        raise CommitNotFound(spec)
    return found
