"""Ancestors of a commit, found without walking the whole history.

Each commit keeps a few pointers besides its parent, all of them written when it is made:

- `depth`: how many ancestors it has, and `jump_id`: one of them, chosen by the depth alone (a skew-binary skip list),
  so that the ancestor of any depth is found in about twice log2 steps;
- `turn_id`: the nearest ancestor of another origin, so that a list of one origin passes over the others at once;
- `base_id`: the nearest ancestor that is not known to have failed. When a commit fails, those that start from it take
  over its own base (`failed`).

The pointers hold as long as commits go with their repo, all at once, which is the only way in which they go now.
Whoever deletes single commits must write those of the commits below again.

Only a commit whose ancestors are all finished can be finished without an error. Hence between an open commit and an
open ancestor of it nothing is good, and `good_ancestor` jumps over long queues of open commits too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Update, bindparam, case, literal, select, update

from hathi.metadata.tables.pfs import commits
from hathi.metadata.transaction import Transaction
from hathi.model.infos import Origin
from hathi.versioning.rows import CommitRow, commit_row, select_commits


def at_depth(tx: Transaction, row: CommitRow, depth: int) -> CommitRow | None:
    """Return the commit itself or its ancestor that has so many ancestors; None when there is none."""
    if depth == row.depth:
        return row
    if not 0 <= depth < row.depth:
        return None
    found = tx.connection.execute(_AT_DEPTH, {"start": row.id, "depth": depth}).first()
    return None if found is None else commit_row(found, row.repo)


def good_ancestor(tx: Transaction, row: CommitRow) -> CommitRow | None:
    """Return the nearest ancestor, not `row` itself, that is FINISHED without error."""
    if row.base_id is None:
        return None
    found = tx.connection.execute(_GOOD, {"start": row.base_id}).first()
    return None if found is None else commit_row(found, row.repo)


def failed(tx: Transaction, row: CommitRow) -> None:
    """Let the open commits that would start from a commit, which has just failed, start from its own base."""
    tx.connection.execute(_FAILED, {"key": row.id})


def page(
    tx: Transaction, start: int, stop_depth: int, number: int, origin: Origin | None = None
) -> tuple[list[CommitRow], int | None]:
    """Return a commit and its ancestors, newest first, and the key of the commit where the next page begins, or None.

    stop_depth: depth of the first one that is left out, -1 for none. number: how many are looked at; with an `origin`
    some of these are of another one and not returned.
    """
    named = {"start": start, "stop": stop_depth, "number": number}
    statement = _LINE if origin is None else _LINE_OF_ORIGIN
    rows = tx.connection.execute(statement, named if origin is None else {**named, "origin": origin}).all()
    found = sorted(map(commit_row, rows), key=lambda row: row.depth, reverse=True)
    if not found:
        return [], None
    last = found[-1]
    behind = last.parent_id if origin is None or last.origin is origin else last.turn_id
    return [row for row in found if origin in (None, row.origin)], behind if len(rows) == number else None


def _step(walk: Any, chosen: Any) -> Select[Any]:
    """Return the next row of a walk: of the commit whose key is `chosen`."""
    return select(*(commits.c[column.name] for column in walk.c)).join(walk, commits.c.id == chosen)


def _at_depth() -> Select[Any]:
    c = commits.c
    walk = (
        select(c.id, c.depth, c.parent_id, c.jump_id, c.jump_depth)
        .where(c.id == bindparam("start"))
        .cte("walk", recursive=True)
    )
    nearer = case((walk.c.jump_depth >= bindparam("depth"), walk.c.jump_id), else_=walk.c.parent_id)
    walk = walk.union_all(_step(walk, nearer).where(walk.c.depth > bindparam("depth")))
    return select_commits().join(walk, walk.c.id == c.id).where(walk.c.depth == bindparam("depth"))


def _good() -> Select[Any]:
    c, jump = commits.c, commits.alias("jump")
    walk = (
        select(c.id, c.finished, c.error, c.jump_id, c.base_id)
        .where(c.id == bindparam("start"))
        .cte("walk", recursive=True)
    )
    both_open = walk.c.finished.is_(None) & jump.c.id.is_not(None) & jump.c.finished.is_(None)
    chosen = case((both_open, walk.c.jump_id), else_=walk.c.base_id)
    good = walk.c.finished.is_not(None) & (walk.c.error == "")
    step = (
        select(c.id, c.finished, c.error, c.jump_id, c.base_id)
        .select_from(walk)
        .outerjoin(jump, jump.c.id == walk.c.jump_id)
        .join(commits, c.id == chosen)
        .where(~good)
    )
    walk = walk.union_all(step)
    return select_commits().join(walk, walk.c.id == c.id).where(walk.c.finished.is_not(None), walk.c.error == "")


def _line(*, of_origin: bool) -> Select[Any]:
    c = commits.c
    first = select(c.id, c.parent_id, c.turn_id, c.origin, literal(1).label("seen"))
    walk = first.where(c.id == bindparam("start"), c.depth > bindparam("stop")).cte("line", recursive=True)
    chosen: Any = walk.c.parent_id
    if of_origin:
        chosen = case((walk.c.origin == bindparam("origin"), walk.c.parent_id), else_=walk.c.turn_id)
    step = (
        select(c.id, c.parent_id, c.turn_id, c.origin, walk.c.seen + 1)
        .select_from(walk)
        .join(commits, c.id == chosen)
        .where(c.depth > bindparam("stop"), walk.c.seen < bindparam("number"))
    )
    walk = walk.union_all(step)
    return select_commits().join(walk, walk.c.id == c.id)


def _failed() -> Update:
    itself = commits.alias("itself")
    base = select(itself.c.base_id).where(itself.c.id == bindparam("key")).scalar_subquery()
    waiting = (commits.c.base_id == bindparam("key")) & commits.c.finished.is_(None)
    return update(commits).where(waiting).values(base_id=base)


_AT_DEPTH = _at_depth()
_GOOD = _good()
_LINE = _line(of_origin=False)
_LINE_OF_ORIGIN = _line(of_origin=True)
_FAILED = _failed()
