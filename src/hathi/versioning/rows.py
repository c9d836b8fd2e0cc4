"""Rows of repos, branches and commits, found in as few statements as possible.

Most requests begin with "this branch of this repo, and the commit it points at": that is one statement here, which also
tells apart what is missing. Statements that every request runs are built once, when the module is loaded: building one
costs more than running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, exists, insert, select
from sqlalchemy.exc import IntegrityError

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import branch_provenance, branches, commit_provenance, commits, repos
from hathi.model.ids import CommitSetId
from hathi.model.infos import Origin
from hathi.model.references import Branch, Commit, Repo
from hathi.versioning.errors import InconsistentCommit, RepoNotFound


@dataclass(frozen=True, slots=True)
class CommitRow:
    """A row of `commits` and the repo it belongs to."""

    id: int
    repo_id: int
    commit: Commit
    branch: str
    parent_id: int | None
    depth: int
    jump_id: int | None
    jump_depth: int
    turn_id: int | None
    base_id: int | None
    origin: Origin
    description: str
    created_by: str
    started: datetime
    finishing: datetime | None
    finished: datetime | None
    error: str
    root: bytes | None
    size: int

    @property
    def repo(self) -> Repo:
        """The repo."""
        return self.commit.repo


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A place for commits: a repo, a branch of it if there is one, and its head. output: it is made from others."""

    branch: Branch
    repo_id: int
    id: int | None
    head: CommitRow | None
    output: bool


def select_commits() -> Select[Any]:
    """Return a statement for rows that `commit_row` reads."""
    return select(commits, repos.c.project, repos.c.name, repos.c.type).join(repos, repos.c.id == commits.c.repo_id)


def commit_row(row: Row[Any], repo: Repo | None = None) -> CommitRow:
    """Return what a row of `select_commits` holds; `repo` is given when the row does not name it."""
    repo = repo or Repo(row.project, row.name, row.type)
    return CommitRow(
        row.id,
        row.repo_id,
        Commit(repo, CommitSetId(row.set_id)),
        row.branch,
        row.parent_id,
        row.depth,
        row.jump_id,
        row.jump_depth,
        row.turn_id,
        row.base_id,
        row.origin,
        row.description,
        row.created_by,
        row.started,
        row.finishing,
        row.finished,
        row.error,
        row.root,
        row.size,
    )


def is_repo(repo: Repo) -> Any:
    """Return the condition that a row of `repos` is that of `repo`."""
    return and_(repos.c.project == repo.project, repos.c.name == repo.name, repos.c.type == repo.type)


def repo_id(tx: Transaction, repo: Repo) -> int:
    """Return a repo's key; RepoNotFound."""
    found = tx.connection.execute(_FIND_REPO, _key(repo)).scalar()
    if found is None:
        raise RepoNotFound(repo)
    return int(found)


def find_branch(tx: Transaction, branch: Branch) -> BranchRow:
    """Return where commits for `branch` go; its id is None when there is no such branch. RepoNotFound."""
    row = tx.connection.execute(_FIND_BRANCH, {**_key(branch.repo), "branch": branch.name}).first()
    if row is None:
        raise RepoNotFound(branch.repo)
    head = None if row.id is None else commit_row(row, branch.repo)
    return BranchRow(branch, row.the_repo, row.the_branch, head, bool(row.output))


def find_commit(tx: Transaction, commit: Commit) -> tuple[int, CommitRow | None]:
    """Return the key of the commit's repo, and the commit or None. RepoNotFound."""
    row = tx.connection.execute(_FIND_COMMIT, {**_key(commit.repo), "set": commit.id}).first()
    if row is None:
        raise RepoNotFound(commit.repo)
    return row.the_repo, None if row.id is None else commit_row(row, commit.repo)


def commit_by_id(tx: Transaction, id: int) -> CommitRow | None:
    """Return a commit by its key."""
    row = tx.connection.execute(_COMMIT_BY_ID, {"key": id}).first()
    return None if row is None else commit_row(row)


def insert_commit(
    tx: Transaction,
    repo_key: int,
    branch: Branch,
    parent: CommitRow | None,
    origin: Origin,
    *,
    description: str = "",
    created_by: str = "",
    provenance: Sequence[int] = (),
    root: bytes | None = None,
    size: int | None = None,
    set_id: CommitSetId | None = None,
) -> CommitRow:
    """Make a commit of this transaction's set, or of another; with `root` it is finished. Raises InconsistentCommit."""
    commit = Commit(branch.repo, set_id or tx.commit_set)
    finished = tx.now if root is not None else None
    values = {
        "repo_id": repo_key,
        "project": branch.repo.project,
        "set_id": commit.id,
        "branch": branch.name,
        "parent_id": parent.id if parent else None,
        **_pointers(parent, origin),
        "origin": origin,
        "description": description,
        "created_by": created_by,
        "started": tx.now,
        "finishing": finished,
        "finished": finished,
        "error": "",
        "root": root,
        "size": size if size is not None else parent.size if parent else 0,
    }
    try:
        # The jump that is the parent's jump's jump is looked up by the database itself.
        far = parent is not None and values["jump_id"] is None
        statement, more = (_INSERT_FAR_COMMIT, {"near": parent.jump_id}) if parent and far else (_INSERT_COMMIT, {})
        if far:
            del values["jump_id"]
        key, jump = tx.connection.execute(statement, {**values, **more}).one()
    except IntegrityError as error:
        raise InconsistentCommit(commit) from error
    if provenance:
        edges = [{"commit_id": key, "provenance_id": id, "position": n} for n, id in enumerate(provenance)]
        tx.connection.execute(insert(commit_provenance), edges)
    named = {name: value for name, value in values.items() if name not in ("project", "set_id", "branch", "jump_id")}
    return CommitRow(id=key, commit=commit, branch=branch.name, jump_id=jump, **named)  # type: ignore[arg-type]


def jump_depth(depth: int) -> int:
    """Return the depth of the ancestor that a commit of this depth points at: its own, less the last term of its
    skew-binary form (a sum of numbers 2^k - 1, greatest first). The root points at itself.

    >>> [jump_depth(depth) for depth in range(9)]
    [0, 0, 1, 0, 3, 4, 3, 0, 7]
    """
    rest, term = depth, 0
    while rest:
        term = (1 << ((rest + 1).bit_length() - 1)) - 1
        rest -= term
    return depth - term


def _pointers(parent: CommitRow | None, origin: Origin) -> dict[str, object]:
    """Return what a new commit knows of its ancestors; `jump_id` is None where the parent's row does not tell it."""
    if parent is None:
        return {"depth": 0, "jump_id": None, "jump_depth": 0, "turn_id": None, "base_id": None}
    depth = parent.depth + 1
    failed = parent.finished is not None and parent.error != ""
    return {
        "depth": depth,
        "jump_id": parent.id if jump_depth(depth) == parent.depth else None,
        "jump_depth": jump_depth(depth),
        "turn_id": parent.turn_id if parent.origin is origin else parent.id,
        "base_id": parent.base_id if failed else parent.id,
    }


def _key(repo: Repo) -> dict[str, str]:
    return {"project": repo.project, "repo": repo.name, "type": repo.type}


_THIS_REPO = and_(
    repos.c.project == bindparam("project"), repos.c.name == bindparam("repo"), repos.c.type == bindparam("type")
)
_FIND_REPO = select(repos.c.id).where(_THIS_REPO)
_FIND_BRANCH = (
    select(
        repos.c.id.label("the_repo"),
        branches.c.id.label("the_branch"),
        exists().where(branch_provenance.c.branch_id == branches.c.id).label("output"),
        commits,
    )
    .select_from(repos)
    .outerjoin(branches, and_(branches.c.repo_id == repos.c.id, branches.c.name == bindparam("branch")))
    .outerjoin(commits, commits.c.id == branches.c.head)
    .where(_THIS_REPO)
)
_FIND_COMMIT = (
    select(repos.c.id.label("the_repo"), commits)
    .select_from(repos)
    .outerjoin(commits, and_(commits.c.repo_id == repos.c.id, commits.c.set_id == bindparam("set")))
    .where(_THIS_REPO)
)
_COMMIT_BY_ID = select_commits().where(commits.c.id == bindparam("key"))
_INSERT_COMMIT = insert(commits).returning(commits.c.id, commits.c.jump_id)
_NEAR = commits.alias("near")
_INSERT_FAR_COMMIT = _INSERT_COMMIT.values(
    jump_id=select(_NEAR.c.jump_id).where(_NEAR.c.id == bindparam("near")).scalar_subquery()
)
