"""Branches: names that move along commits, and the edges of the provenance graph between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete as delete_from
from sqlalchemy import insert, select, update

from hathi.metadata.database import Transaction
from hathi.metadata.paging import PAGE, batched, stream
from hathi.metadata.tables.pfs import branch_provenance, branches
from hathi.model import builds, names
from hathi.model.errors import InvalidError, PreconditionError
from hathi.model.infos import BranchInfo, Origin, Trigger
from hathi.model.references import Branch, Commit, CommitSpec, Repo
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import commits, graph, lookup, propagation
from hathi.versioning.errors import BranchNotFound
from hathi.versioning.rows import BranchRow, find_branch, repo_id
from hathi.versioning.store import Store


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

    head: where it shall point; None leaves an existing head and gives a new branch an empty finished commit (origin
        AUTO). provenance: all branches it is made from, replacing the former ones; missing branches are created empty.
        When it changes and is not empty, the branch gets a new open commit before the transaction commits.
    trigger: excludes provenance. new_commit_set: give the commits that follow a fresh id.
    silent: those of `provenance` whose changes make no commit here.
    Raises InvalidError, RepoNotFound, CommitNotFound, DagConflict (two branches of one repo in one graph).
    """
    names.check_branch(branch.name)
    if new_commit_set:
        tx.new_commit_set()
    if trigger is not None and provenance:
        raise InvalidError(f"branch {branch} cannot have both provenance and a trigger")
    if trigger is not None and not trigger.branch:
        raise InvalidError("triggers must specify a branch to trigger on")
    if any(source.repo == branch.repo for source in provenance) and not builds.builds(branch, provenance):
        raise InvalidError(f"repo {branch.repo} cannot be in the provenance of its own branch")
    place = find_branch(tx, branch)
    target = None if head is None else _head(tx, branch, head)
    sources = {_source(tx, source, created_by): source not in silent for source in provenance}
    id = _upsert(tx, place, target, trigger, created_by)
    if target is not None and (place.head is None or place.head.id != target):
        propagation.moved(tx, id)
    if _rewire(tx, id, sources):
        propagation.rewired(tx, id)
    elif place.id is None and target is None:
        first = find_branch(tx, branch)
        commits.add_finished(tx, first, EMPTY_ROOT, 0, Origin.AUTO, created_by=created_by)
    tx.emit(f"branch/{branch.repo}/{branch.name}")


def inspect(tx: Transaction, branch: Branch) -> BranchInfo:
    """Return a branch; RepoNotFound or BranchNotFound when there is none."""
    place = find_branch(tx, branch)
    if place.id is None:
        raise BranchNotFound(branch)
    return _infos(tx, [place.id])[0]


def exists(tx: Transaction, branch: Branch) -> bool:
    """Return whether there is such a branch; RepoNotFound."""
    return find_branch(tx, branch).id is not None


def list_branches(store: Store, repo: Repo, *, reverse: bool = False) -> Iterator[BranchInfo]:
    """Yield the branches of a repo, newest first, page by page; RepoNotFound."""

    def read(tx: Transaction, after: int | None) -> tuple[list[BranchInfo], int | None]:
        ids = select(branches.c.id).where(branches.c.repo_id == repo_id(tx, repo)).limit(PAGE)
        if after is not None:
            ids = ids.where(branches.c.id > after if reverse else branches.c.id < after)
        found = list(tx.connection.execute(ids.order_by(branches.c.id if reverse else branches.c.id.desc())).scalars())
        return _infos(tx, found), found[-1] if len(found) == PAGE else None

    return stream(store.db, read)


def delete(tx: Transaction, branch: Branch, *, force: bool = False) -> bool:
    """Delete a branch, not its commits; False when there is none. RepoNotFound.

    Refused (PreconditionError) while other branches are made from it or a trigger watches it, unless `force`.
    """
    place = find_branch(tx, branch)
    if place.id is None:
        return False
    if not force:
        _require_unused(tx, place, place.id)
    propagation.abandoned(tx, [place.id])
    tx.connection.execute(delete_from(branches).where(branches.c.id == place.id))
    tx.emit(f"branch/{branch.repo}/{branch.name}")
    return True


def _head(tx: Transaction, branch: Branch, head: CommitSpec) -> int:
    if head.repo != branch.repo:
        raise InvalidError(f"head {head} of branch {branch} is not in its repo")
    return lookup.find(tx, head).id


def _source(tx: Transaction, source: Branch, created_by: str) -> int:
    """Return the key of a branch to be made from, created empty if missing."""
    names.check_branch(source.name)
    place = find_branch(tx, source)
    if place.id is None:
        create(tx, source, created_by=created_by)
        place = find_branch(tx, source)
    assert place.id is not None
    return place.id


def _upsert(tx: Transaction, place: BranchRow, head: int | None, trigger: Trigger | None, created_by: str) -> int:
    values: dict[str, Any] = {"trigger": None if trigger is None else asdict(trigger)}
    if head is not None:
        values["head"] = head
    if place.id is not None:
        tx.connection.execute(update(branches).where(branches.c.id == place.id).values(**values))
        return place.id
    values |= {"repo_id": place.repo_id, "name": place.branch.name, "created": tx.now, "created_by": created_by}
    key = tx.connection.execute(insert(branches).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _rewire(tx: Transaction, id: int, sources: dict[int, bool]) -> bool:
    """Make `sources` (key: whether it propagates) the direct provenance; True when that adds to it or changes it."""
    edge = branch_provenance.c
    statement = select(edge.provenance_id, edge.propagates).where(edge.branch_id == id)
    before = {row.provenance_id: row.propagates for row in tx.connection.execute(statement)}
    if before == sources:
        return False
    tx.connection.execute(delete_from(branch_provenance).where(edge.branch_id == id))
    if not sources:
        return False
    rows = [
        {"branch_id": id, "provenance_id": source, "position": position, "propagates": propagates}
        for position, (source, propagates) in enumerate(sources.items())
    ]
    tx.connection.execute(insert(branch_provenance), rows)
    return True


def _require_unused(tx: Transaction, place: BranchRow, id: int) -> None:
    made = [edge.branch_id for edge in graph.below(tx, [id]) if edge.provenance_id == id]
    if made:
        users = ", ".join(sorted(str(node.branch) for node in graph.nodes(tx, made).values()))
        raise PreconditionError(
            f'branch "{place.branch}" cannot be deleted because it\'s in the direct provenance of {users}'
        )
    watching = select(branches.c.name, branches.c.trigger).where(
        branches.c.repo_id == place.repo_id, branches.c.trigger.is_not(None)
    )
    for name, trigger in tx.connection.execute(watching):
        if trigger["branch"] == place.branch.name:
            raise PreconditionError(
                f'branch "{place.branch}" cannot be deleted because it\'s triggered by branch "{name}"'
            )


def _infos(tx: Transaction, ids: Sequence[int]) -> list[BranchInfo]:
    """Return branches with what they are made from and what is made from them, near and far, in the order of `ids`."""
    up = graph.above(tx, ids)
    down = graph.below(tx, ids)
    known = graph.nodes(tx, {*ids, *(end for edge in [*up, *down] for end in (edge.branch_id, edge.provenance_id))})
    extra = select(branches.c.id, branches.c.trigger, branches.c.created, branches.c.created_by)
    details = {
        row.id: row for batch in batched(ids) for row in tx.connection.execute(extra.where(branches.c.id.in_(batch)))
    }
    sources: dict[int, list[int]] = {}
    for edge in sorted(up, key=lambda edge: edge.position):
        sources.setdefault(edge.branch_id, []).append(edge.provenance_id)
    users: dict[int, list[int]] = {}
    for edge in down:
        users.setdefault(edge.provenance_id, []).append(edge.branch_id)

    def named(keys: Iterable[int]) -> tuple[Branch, ...]:
        return tuple(known[key].branch for key in keys)

    return [
        BranchInfo(
            branch=known[id].branch,
            head=_head_of(tx, known[id]),
            direct_provenance=named(sources.get(id, ())),
            provenance=named(_closure(sources, id)),
            subvenance=named(_closure(users, id)),
            trigger=None if details[id].trigger is None else Trigger(**details[id].trigger),
            created=details[id].created,
            created_by=details[id].created_by,
        )
        for id in ids
    ]


def _head_of(tx: Transaction, node: graph.Node) -> Commit:
    """Return a branch's head; a new one may have none yet, but propagation is about to make it."""
    return node.head.commit if node.head else Commit(node.branch.repo, tx.commit_set)


def _closure(steps: dict[int, list[int]], start: int) -> list[int]:
    """Return what can be reached from `start`, nearest first."""
    found: dict[int, None] = {}
    waiting = list(steps.get(start, ()))
    for id in waiting:
        if id not in found:
            found[id] = None
            waiting += steps.get(id, ())
    return list(found)
