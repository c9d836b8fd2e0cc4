"""Commits: started, finished, found and told about.

A commit is open from its start; finishing closes it to writes. Its writes are then folded into its parent's tree
(`versioning.finishing`), which makes it FINISHED and immutable; when there is nothing to fold, closing does that at
once. READY is no state of its own: it is an open commit whose provenance is finished.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select, update

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import branches, commit_provenance, commits, repos, runs
from hathi.model import builds, names
from hathi.model.errors import InvalidError, PreconditionError
from hathi.model.infos import CommitInfo, CommitState, Origin
from hathi.model.references import SPEC, Branch, Commit, CommitSpec
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import ancestry, lookup, propagation
from hathi.versioning.errors import (
    BuildSource,
    CommitFinished,
    CommitNotFound,
    CommitSetNotFound,
    InconsistentCommit,
    OutputBranch,
    ParentNotFinished,
)
from hathi.versioning.rows import (
    BranchRow,
    CommitRow,
    commit_by_id,
    commit_row,
    find_branch,
    find_commit,
    insert_commit,
    select_commits,
)
from hathi.versioning.telling import commit_infos


def start(
    tx: Transaction, branch: Branch, parent: CommitSpec | None = None, description: str = "", *, created_by: str = ""
) -> Commit:
    """Start a commit of origin USER on a branch (made when missing) and make it the head. Returns its name.

    parent: a commit of the same repo, at least closed; None means the head.
    Raises RepoNotFound, CommitNotFound, OutputBranch, BuildSource, ParentNotFinished, InconsistentCommit.
    """
    names.check_branch(branch.name)
    place = find_branch(tx, branch)
    check_writable(tx, place)
    if parent is not None and parent.repo != branch.repo:
        raise InvalidError(f"parent commit {parent} is not in repo {branch.repo}")
    base = place.head if parent is None else lookup.find(tx, parent)
    if base is not None and base.finishing is None:
        if base.commit.id == tx.commit_set:
            raise InconsistentCommit(base.commit)
        raise ParentNotFinished(base.commit)
    row = insert_commit(tx, place.repo_id, branch, base, Origin.USER, description=description, created_by=created_by)
    set_head(tx, place, row)
    return row.commit


def check_writable(tx: Transaction, place: BranchRow) -> None:
    """Raise OutputBranch or BuildSource when people make no commits on this branch."""
    branch = place.branch
    if place.output:
        raise OutputBranch(branch)
    if branch.name in builds.INPUTS and builds.is_build_repo(branch.repo):
        made = find_branch(tx, branch.repo.branch(builds.BUILD))
        if made.output:
            raise BuildSource(branch)


def create_empty(
    tx: Transaction, branch: Branch, origin: Origin = Origin.AUTO, description: str = "", *, created_by: str = ""
) -> Commit:
    """Make a finished commit with no changes on a branch (made when missing), as its head.

    Pipelines make spec commits so, and a branch its first head. Raises RepoNotFound, InconsistentCommit, and
    ParentNotFinished when the head is not FINISHED.
    """
    names.check_branch(branch.name)
    place = find_branch(tx, branch)
    base = place.head
    if base is not None and base.finished is None:
        raise ParentNotFinished(base.commit)
    row = add_finished(tx, place, base_root(tx, base), base.size if base else 0, origin, description, created_by)
    return row.commit


def add_finished(
    tx: Transaction,
    place: BranchRow,
    root: bytes,
    size: int,
    origin: Origin,
    description: str = "",
    created_by: str = "",
) -> CommitRow:
    """Make a finished commit on top of the head of `place`, with a tree that is durable, and make it the head."""
    row = insert_commit(
        tx,
        place.repo_id,
        place.branch,
        place.head,
        origin,
        description=description,
        created_by=created_by,
        root=root,
        size=size,
    )
    set_head(tx, place, row)
    propagation.finished(tx, row.commit)
    return row


def set_head(tx: Transaction, place: BranchRow, row: CommitRow) -> None:
    """Point a branch (made when missing) at a commit just made, and note what follows from that."""
    if place.id is None:
        values = {"repo_id": place.repo_id, "name": place.branch.name, "head": row.id, "created": tx.now}
        key = tx.connection.execute(insert(branches).values(**values, created_by=row.created_by)).inserted_primary_key
        assert key is not None
        propagation.created(tx, row)  # nothing can be made from a branch that did not exist
    else:
        tx.connection.execute(_MOVE_HEAD, {"branch": place.id, "to": row.id})
        propagation.created(tx, row)
        propagation.moved(tx, place.id)
    tx.emit(f"branch/{place.branch.repo}/{place.branch.name}")


_MOVE_HEAD = update(branches).where(branches.c.id == bindparam("branch")).values(head=bindparam("to"))


def finish(
    tx: Transaction,
    spec: CommitSpec,
    description: str | None = None,
    error: str = "",
    *,
    force: bool = False,
) -> Commit:
    """Close a commit: FINISHING, and FINISHED as soon as its writes are folded into a tree (at once if there are none).

    description: replaces the one given at start. error: marks the commit as failed, drops its contents, finishes at
    once. Raises CommitFinished; PreconditionError for a pipeline's output or meta commit unless `force`.
    """
    row = lookup.find(tx, spec)
    _require_open(row)
    if not force and row.repo.type != SPEC and made_by_pipeline(tx, row):
        raise PreconditionError(f"cannot finish a pipeline output or meta commit, use 'stop job' instead: {row.commit}")
    if description:
        tx.connection.execute(update(commits).where(commits.c.id == row.id).values(description=description))
    parent = parent_of(tx, row)
    written = tx.connection.execute(select(runs.c.seq).where(runs.c.commit_id == row.id).limit(1)).first()
    if error:
        settle(tx, row, EMPTY_ROOT, 0, error)
    elif not written and (parent is None or parent.finished is not None):
        settle(tx, row, base_root(tx, parent), parent.size if parent else 0)
    else:
        tx.connection.execute(update(commits).where(commits.c.id == row.id).values(finishing=tx.now))
        tx.emit(f"commit/{row.repo}/{row.commit.id}")
        tx.emit(f"closing/{row.repo}/{row.commit.id}")
    return row.commit


def finish_output(tx: Transaction, commit: Commit, root: bytes, size: int, error: str = "") -> None:
    """Finish an open commit with a tree that is durable already (its packs registered in this transaction or before).

    Raises CommitNotFound, CommitFinished.
    """
    row = _exact(tx, commit)
    _require_open(row)
    settle(tx, row, root, size, error)


def settle(tx: Transaction, row: CommitRow, root: bytes, size: int, error: str = "") -> None:
    """Make a commit FINISHED with the tree at `root`, and wake whoever waited for that."""
    values = {"finishing": row.finishing or tx.now, "finished": tx.now, "root": root, "size": size, "error": error}
    tx.connection.execute(update(commits).where(commits.c.id == row.id).values(**values))
    tx.connection.execute(delete(runs).where(runs.c.commit_id == row.id))
    if error:
        ancestry.failed(tx, row)
    propagation.finished(tx, row.commit)
    tx.emit(f"commit/{row.repo}/{row.commit.id}")
    tx.emit(f"closing/{row.repo}/{row.commit.id}")  # a child may be waiting to be folded
    for below in tx.connection.execute(_OPEN_BELOW, {"key": row.id}).all():  # they may have become READY
        other = commit_row(below)
        tx.emit(f"commit/{other.repo}/{other.commit.id}")


_OPEN_BELOW = (
    select_commits()
    .join(commit_provenance, commit_provenance.c.commit_id == commits.c.id)
    .where(commit_provenance.c.provenance_id == bindparam("key"), commits.c.finished.is_(None))
)


def base_root(tx: Transaction, parent: CommitRow | None) -> bytes:
    """Return the tree that a child of `parent` starts from: what failed left nothing behind, so it is passed over."""
    if parent is not None and (parent.error or parent.finished is None):
        parent = ancestry.good_ancestor(tx, parent)
    return EMPTY_ROOT if parent is None or parent.root is None else parent.root


def parent_of(tx: Transaction, row: CommitRow) -> CommitRow | None:
    """Return the parent of a commit."""
    if row.parent_id is None:
        return None
    return commit_by_id(tx, row.parent_id)


def clear(tx: Transaction, spec: CommitSpec) -> None:
    """Forget what was written to an open commit. Raises CommitFinished."""
    row = lookup.find(tx, spec)
    _require_open(row)
    parent = parent_of(tx, row)
    tx.connection.execute(delete(runs).where(runs.c.commit_id == row.id))
    size = parent.size if parent else 0
    tx.connection.execute(update(commits).where(commits.c.id == row.id).values(size=size))


def resolve(tx: Transaction, spec: CommitSpec) -> Commit:
    """Return the commit that a request means: by branch, by id, by either with ancestry, or known by provenance only.

    Raises RepoNotFound, BranchNotFound, CommitNotFound, InvalidError.
    """
    return lookup.find(tx, spec).commit


def inspect(tx: Transaction, spec: CommitSpec) -> CommitInfo:
    """Return the commit that `spec` means; see `resolve`."""
    return commit_infos(tx, [lookup.find(tx, spec)])[0]


def exists(tx: Transaction, commit: Commit) -> bool:
    """Return whether there is such a commit, in that very repo; RepoNotFound."""
    return find_commit(tx, commit)[1] is not None


def state(tx: Transaction, commit: Commit) -> CommitState:
    """Return how far a commit has come. Raises CommitNotFound."""
    return state_of(tx, _exact(tx, commit))


def state_of(tx: Transaction, row: CommitRow) -> CommitState:
    """Return how far the commit of a row has come."""
    if row.finished is not None:
        return CommitState.FINISHED
    if row.finishing is not None:
        return CommitState.FINISHING
    return CommitState.READY if _ready(tx, row) else CommitState.STARTED


def root_of(tx: Transaction, commit: Commit) -> bytes | None:
    """Return the root of a commit's tree; None while it is not FINISHED. Raises CommitNotFound."""
    return _exact(tx, commit).root


def good_ancestor(tx: Transaction, commit: Commit) -> Commit | None:
    """Return the nearest ancestor (not itself) that is FINISHED without error."""
    found = ancestry.good_ancestor(tx, _exact(tx, commit))
    return None if found is None else found.commit


def commit_set(tx: Transaction, id: str) -> list[CommitInfo]:
    """Return the commits that share an id, upstream ones first; CommitSetNotFound when there are none."""
    rows = commit_set_rows(tx, id)
    if not rows:
        raise CommitSetNotFound(id)
    return commit_infos(tx, rows)


def commit_set_rows(tx: Transaction, id: str) -> list[CommitRow]:
    """Return the rows of the commits that share an id, upstream ones first."""
    return sorted(map(commit_row, tx.connection.execute(_OF_SET, {"set": id})), key=lambda row: row.id)


_OF_SET = select_commits().where(commits.c.set_id == bindparam("set"))


def _exact(tx: Transaction, commit: Commit) -> CommitRow:
    _, row = find_commit(tx, commit)
    if row is None:
        raise CommitNotFound(commit)
    return row


def _require_open(row: CommitRow) -> None:
    if row.finishing is not None:
        raise CommitFinished(row.commit)


def made_by_pipeline(tx: Transaction, row: CommitRow) -> bool:
    """Return whether a commit is what a pipeline's job makes: its output, or what it tells of its datums."""
    if row.origin is not Origin.AUTO:
        return False
    source = commits.alias("source")
    statement = (
        select(repos.c.id)
        .join(source, source.c.repo_id == repos.c.id)
        .join(commit_provenance, commit_provenance.c.provenance_id == source.c.id)
        .where(commit_provenance.c.commit_id == row.id, repos.c.type == SPEC)
        .limit(1)
    )
    return tx.connection.execute(statement).first() is not None


def _ready(tx: Transaction, row: CommitRow) -> bool:
    return tx.connection.execute(_UNFINISHED_SOURCE, {"key": row.id}).first() is None


_SOURCE = commits.alias("source")
_UNFINISHED_SOURCE = (
    select(_SOURCE.c.id)
    .join(commit_provenance, commit_provenance.c.provenance_id == _SOURCE.c.id)
    .where(commit_provenance.c.commit_id == bindparam("key"), _SOURCE.c.finished.is_(None))
    .limit(1)
)
