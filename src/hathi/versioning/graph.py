"""The provenance graph of branches: who is made from whom, near and far.

Only direct edges are stored; the rest is asked for with recursive queries, one statement for any number of branches.
The rule that keeps propagation simple: in one connected graph a repo takes part with one branch at most, and no branch
is made from itself, however indirectly. So a change reaches each repo at most once, and a commit set holds one commit
of a repo. (The branches of a build repo are the exception, see `model.builds`.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sqlalchemy import CTE, Select, bindparam, select

from hathi.metadata.database import Transaction
from hathi.metadata.paging import batched
from hathi.metadata.tables.pfs import branch_provenance, branches, commits, repos
from hathi.model.builds import code_of, may_meet
from hathi.model.errors import InvalidError
from hathi.model.references import Branch, Repo
from hathi.versioning.errors import DagConflict
from hathi.versioning.rows import CommitRow, commit_row


@dataclass(frozen=True, slots=True)
class Edge:
    """`branch_id` is made from `provenance_id`. propagates: whether a change of the latter makes a commit on the
    former.
    """

    branch_id: int
    provenance_id: int
    position: int
    propagates: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A branch in the graph."""

    id: int
    repo_id: int
    branch: Branch
    head: CommitRow | None


def above(tx: Transaction, ids: Sequence[int]) -> list[Edge]:
    """Return every edge from the branches `ids` towards what they are made from, near and far."""
    return _edges(tx, _ABOVE, ids)


def below(tx: Transaction, ids: Sequence[int]) -> list[Edge]:
    """Return every edge into a branch that is one of `ids` or is made, near or far, from one of them."""
    return _edges(tx, _BELOW, ids)


def nodes(tx: Transaction, ids: Iterable[int]) -> dict[int, Node]:
    """Return branches with their heads, by key."""
    result: dict[int, Node] = {}
    for batch in batched(ids):
        for row in tx.connection.execute(_NODES, {"ids": batch}):
            repo = Repo(row.project, row.repo_name, row.type)
            head = None if row.id is None else commit_row(row, repo)
            result[row.branch_id] = Node(row.branch_id, row.branch_repo, Branch(repo, row.branch_name), head)
    return result


def reached(edges: Iterable[Edge], starts: Iterable[int]) -> set[int]:
    """Return the branches that a change of `starts` reaches, by one edge or more."""
    after: dict[int, list[int]] = {}
    for edge in edges:
        if edge.propagates:
            after.setdefault(edge.provenance_id, []).append(edge.branch_id)
    found: set[int] = set()
    waiting = list(starts)
    while waiting:
        for id in after.get(waiting.pop(), ()):
            if id not in found:
                found.add(id)
                waiting.append(id)
    return found


def upstream_first(ids: Collection[int], edges: Iterable[Edge]) -> list[int]:
    """Return `ids` so that each comes after those it is made from; in a stable order otherwise."""
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(sorted(ids), ()))
    for edge in edges:
        if edge.branch_id in ids and edge.provenance_id in ids:
            sorter.add(edge.branch_id, edge.provenance_id)
    return list(sorter.static_order())


def check(tx: Transaction, ids: Iterable[int]) -> None:
    """Check the connected graph around each branch of `ids`. Raises InvalidError for a cycle, DagConflict."""
    seen: set[int] = set()
    for id in ids:
        if id in seen:
            continue
        edges = _around(tx, id)
        members = {end for edge in edges for end in (edge.branch_id, edge.provenance_id)}
        seen |= members
        _check_graph(nodes(tx, members), edges)


def _check_graph(members: dict[int, Node], edges: list[Edge]) -> None:
    try:
        upstream_first(members.keys(), edges)
    except CycleError as error:
        repo = members[error.args[1][0]].branch.repo
        raise InvalidError(f"repo {repo} cannot be in the provenance of its own branch") from error
    together: dict[Repo, list[str]] = {}
    for node in members.values():
        together.setdefault(node.branch.repo, []).append(node.branch.name)
    for repo, names in together.items():
        if len(names) > 1 and not may_meet(repo, names):
            raise DagConflict(repo, code_of(repo, names))


def _around(tx: Transaction, id: int) -> list[Edge]:
    """Return every edge of the connected graph that a branch is in, whichever way it leads: ring after ring, since a
    database that follows edges in both directions at once reads all of them.
    """
    found: dict[Edge, None] = {}
    seen, ring = {id}, [id]
    while ring:
        new = [*_edges(tx, _INTO, ring), *_edges(tx, _OUT_OF, ring)]
        found |= dict.fromkeys(new)
        ring = sorted({end for edge in new for end in (edge.branch_id, edge.provenance_id)} - seen)
        seen.update(ring)
    return list(found)


def _edges(tx: Transaction, statement: Select[Any], ids: Sequence[int]) -> list[Edge]:
    rows = (row for batch in batched(ids) for row in tx.connection.execute(statement, {"ids": batch}))
    found = (Edge(row.branch_id, row.provenance_id, row.position, row.propagates) for row in rows)
    return list(dict.fromkeys(found))


def _closure(name: str, step: Callable[[CTE], Select[Any]]) -> Select[Any]:
    """Return a statement for the edges into all branches that are reached from `ids` by repeating `step`."""
    found = select(branches.c.id).where(branches.c.id.in_(bindparam("ids", expanding=True))).cte(name, recursive=True)
    found = found.union(step(found))
    return select(branch_provenance).join(found, branch_provenance.c.branch_id == found.c.id)


_EDGE = branch_provenance.c
_ABOVE = _closure("above", lambda found: select(_EDGE.provenance_id).join(found, _EDGE.branch_id == found.c.id))
_BELOW = _closure("below", lambda found: select(_EDGE.branch_id).join(found, _EDGE.provenance_id == found.c.id))
_INTO = select(branch_provenance).where(_EDGE.branch_id.in_(bindparam("ids", expanding=True)))
_OUT_OF = select(branch_provenance).where(_EDGE.provenance_id.in_(bindparam("ids", expanding=True)))
_NODES = (
    select(
        branches.c.id.label("branch_id"),
        branches.c.repo_id.label("branch_repo"),
        branches.c.name.label("branch_name"),
        repos.c.project,
        repos.c.name.label("repo_name"),
        repos.c.type,
        commits,
    )
    .select_from(branches)
    .join(repos, repos.c.id == branches.c.repo_id)
    .outerjoin(commits, commits.c.id == branches.c.head)
    .where(branches.c.id.in_(bindparam("ids", expanding=True)))
)
