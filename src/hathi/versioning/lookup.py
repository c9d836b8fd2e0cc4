"""Which commit a request means.

A commit is pointed at by a branch, by an id, or by either with ancestry (`master^2`). An id that names no commit of the
repo may still be known there: the commits of that set were made from one of its commits, and that is the one meant.
"""

from __future__ import annotations

from sqlalchemy import CTE, ColumnElement, literal, select

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import commit_provenance, commits
from hathi.model.errors import InvalidError
from hathi.model.ids import CommitSetId, is_id
from hathi.model.parse import Ancestry, parse_ancestry
from hathi.model.references import Branch, Commit, CommitSpec, Repo
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


def good_ancestor(tx: Transaction, row: CommitRow, *conditions: ColumnElement[bool]) -> CommitRow | None:
    """Return the nearest ancestor, not `row` itself, that is FINISHED without error and meets `conditions`."""
    if row.parent_id is None:
        return None
    up = _line(row.parent_id)
    statement = (
        select_commits()
        .join(up, up.c.id == commits.c.id)
        .where(commits.c.finished.is_not(None), commits.c.error == "", *conditions)
        .order_by(up.c.back)
        .limit(1)
    )
    found = tx.connection.execute(statement).first()
    return None if found is None else commit_row(found)


def line(
    tx: Transaction, row: CommitRow, until: int | None, number: int, *conditions: ColumnElement[bool]
) -> list[CommitRow]:
    """Return `row` and its ancestors, newest first, up to but without the one whose key is `until`; 0 is no limit."""
    up = _line(row.id, until)
    statement = select_commits().join(up, up.c.id == commits.c.id).where(*conditions).order_by(up.c.back)
    if number:
        statement = statement.limit(number)
    return [commit_row(found, row.repo) for found in tx.connection.execute(statement)]


def _by_id(tx: Transaction, repo: Repo, id: CommitSetId) -> CommitRow | None:
    repo_key, row = find_commit(tx, Commit(repo, id))
    if row is not None:
        return row
    up = select(commits.c.id).where(commits.c.set_id == id).cte("sources", recursive=True)
    up = up.union(select(commit_provenance.c.provenance_id).join(up, commit_provenance.c.commit_id == up.c.id))
    statement = (
        select_commits()
        .join(up, up.c.id == commits.c.id)
        .where(commits.c.repo_id == repo_key)
        .order_by(commits.c.id.desc())
        .limit(1)
    )
    found = tx.connection.execute(statement).first()
    return None if found is None else commit_row(found, repo)


def _walk(tx: Transaction, start: CommitRow, ancestry: Ancestry, spec: CommitSpec) -> CommitRow:
    if not ancestry.back and ancestry.root is None:
        return start
    up = _line(start.id)
    statement = select_commits().join(up, up.c.id == commits.c.id)
    if ancestry.root is None:
        statement = statement.where(up.c.back == ancestry.back)
    elif ancestry.root < 1:
        raise CommitNotFound(spec)
    else:
        statement = statement.order_by(up.c.back.desc()).limit(1).offset(ancestry.root - 1)
    found = tx.connection.execute(statement).first()
    if found is None:
        raise CommitNotFound(spec)
    return commit_row(found, start.repo)


def _line(start: int, until: int | None = None) -> CTE:
    """Return a query for the commit `start` (back 0) and its ancestors (back 1, 2, …), without `until` and beyond."""
    first = select(commits.c.id, commits.c.parent_id, literal(0).label("back")).where(commits.c.id == start)
    if until is not None:
        first = first.where(commits.c.id != until)
    up = first.cte("line", recursive=True)
    step = select(commits.c.id, commits.c.parent_id, (up.c.back + 1).label("back")).join(
        up, commits.c.id == up.c.parent_id
    )
    if until is not None:
        step = step.where(commits.c.id != until)
    return up.union_all(step)
