"""The commits that a branch would have, had it been made earlier: one for each past state of what it is made from.

Such a commit belongs to the set whose commit brought that state about, so an id means downstream what it means
upstream, as if the branch had been there all the time. The present state is left to propagation, which gives it a
commit anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import update

from hathi.metadata.database import Transaction
from hathi.metadata.paging import PAGE
from hathi.metadata.tables.pfs import branches as branches_table
from hathi.model.ids import CommitSetId
from hathi.model.infos import Origin
from hathi.model.references import Branch
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import ancestry, propagation
from hathi.versioning.rows import CommitRow, find_branch, insert_commit


@dataclass(frozen=True, slots=True)
class State:
    """A past state. id: of the set that brought it about. heads: keys of the commits, in the order of the branches."""

    id: CommitSetId
    heads: tuple[int, ...]


def past_states(lines: Sequence[Sequence[CommitRow]], silent: Collection[int] = ()) -> list[State]:
    """Return the states before the present one, oldest first, of branches with these finished commits, newest first.

    silent: positions of branches whose commits bring no state about. A state needs a commit of every branch.
    """
    heads: dict[int, int] = {}
    found: dict[CommitSetId, tuple[int, ...]] = {}
    every = sorted((row.id, position, row.commit.id) for position, line in enumerate(lines) for row in line)
    for key, position, id in every:
        heads[position] = key
        if position not in silent and len(heads) == len(lines):
            found.pop(id, None)
            found[id] = tuple(heads[position] for position in range(len(lines)))
    present = tuple(line[0].id for line in lines if line)
    return [State(id, state) for id, state in found.items() if state != present]


def catch_up(
    tx: Transaction,
    made: Sequence[Branch],
    sources: Sequence[Branch],
    *,
    silent: Collection[Branch] = (),
    beside: Sequence[Branch] = (),
) -> int:
    """Give each of the new branches `made` an open commit for each past state of `sources`; returns how many states.

    beside: branches whose heads are part of the provenance of all those commits, though their past is not looked at.
    """
    lines = [_line(tx, source) for source in sources]
    ids = [row.head.id for row in (find_branch(tx, branch) for branch in beside) if row.head is not None]
    states = past_states(lines, [n for n, source in enumerate(sources) if source in silent])
    for state in states:
        for branch in made:
            place = find_branch(tx, branch)
            provenance = (*state.heads, *ids)
            row = insert_commit(
                tx, place.repo_id, branch, place.head, Origin.AUTO, provenance=provenance, set_id=state.id
            )
            tx.connection.execute(update(branches_table).where(branches_table.c.id == place.id).values(head=row.id))
            propagation.created(tx, row)
    return len(states)


def _line(tx: Transaction, branch: Branch) -> list[CommitRow]:
    """Return the commits of a branch that hold something to work on, newest first: none that failed, no empty first."""
    head = find_branch(tx, branch).head
    if head is None:
        return []
    found: list[CommitRow] = []
    start: int | None = head.id
    while start is not None:
        rows, start = ancestry.page(tx, start, -1, PAGE)
        found += [row for row in rows if row.finished is not None and not row.error and not _first(row)]
    return found


def _first(row: CommitRow) -> bool:
    return row.parent_id is None and row.origin is Origin.AUTO and row.root == EMPTY_ROOT
