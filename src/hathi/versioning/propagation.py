"""Propagation: a change of one branch opens commits on all that are made from it, under the same id.

Operations only note which branches moved or were rewired. Before the transaction commits, once, whatever their number:
the graph is validated, every branch downstream gets one open commit (upstream ones first, so that each can name its
inputs), and those who build on commits are told. Hence downstream commits exist as soon as the upstream one does, and a
transaction over several repos makes one commit downstream and not several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update

from hathi.metadata.database import Transaction
from hathi.metadata.paging import batched
from hathi.metadata.tables.pfs import branch_provenance, branches, commit_provenance, repos
from hathi.model.infos import Origin
from hathi.model.references import SPEC, Commit, Repo
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import graph
from hathi.versioning.graph import Node
from hathi.versioning.rows import CommitRow, insert_commit
from hathi.versioning.steps import PROPAGATE, TELL, VALIDATE, NewCommit, Steps

_MOVED = "versioning.moved"
_REWIRED = "versioning.rewired"
_CREATED = "versioning.created"
_FINISHED = "versioning.finished"


def moved(tx: Transaction, branch_id: int) -> None:
    """Note that a branch has another head: what is made from it needs a commit."""
    tx.notes.setdefault(_MOVED, {})[branch_id] = None
    tx.before_commit("versioning.propagate", PROPAGATE, propagate)


def rewired(tx: Transaction, branch_id: int) -> None:
    """Note that a branch is made from others than before: it needs a commit itself."""
    tx.notes.setdefault(_REWIRED, {})[branch_id] = None
    tx.before_commit("versioning.validate", VALIDATE, validate)
    tx.before_commit("versioning.propagate", PROPAGATE, propagate)


def created(tx: Transaction, row: CommitRow) -> None:
    """Note a new commit, to be told."""
    tx.notes.setdefault(_CREATED, []).append(NewCommit(row.commit, row.branch, row.origin, row.finished is not None))
    tx.emit(f"commit/{row.repo}/{row.commit.id}")
    tx.before_commit("versioning.tell", TELL, tell)


def finished(tx: Transaction, commit: Commit) -> None:
    """Note that a commit became FINISHED, to be told."""
    tx.notes.setdefault(_FINISHED, []).append(commit)
    tx.before_commit("versioning.tell", TELL, tell)


def forget(tx: Transaction, repo: Repo) -> None:
    """A repo was deleted: what this transaction made in it is gone too."""
    if _CREATED in tx.notes:
        tx.notes[_CREATED] = [new for new in tx.notes[_CREATED] if new.commit.repo != repo]
    if _FINISHED in tx.notes:
        tx.notes[_FINISHED] = [commit for commit in tx.notes[_FINISHED] if commit.repo != repo]


def abandoned(tx: Transaction, branch_ids: Sequence[int]) -> None:
    """Note that branches are about to be deleted: whoever watches a branch that depends on one learns of it.

    The topic is `provenance/<repo>/<branch>`, of each branch that loses a branch it depends on.
    """
    dependent = (
        select(repos.c.project, repos.c.name, repos.c.type, branches.c.name.label("branch"))
        .join(branches, branches.c.repo_id == repos.c.id)
        .join(branch_provenance, branch_provenance.c.branch_id == branches.c.id)
        .distinct()
    )
    for some in batched(branch_ids):
        for row in tx.connection.execute(dependent.where(branch_provenance.c.provenance_id.in_(some))):
            tx.emit(f"provenance/{Repo(row.project, row.name, row.type)}/{row.branch}")


def validate(tx: Transaction) -> None:
    """Check the graphs that rewired branches belong to. Raises InvalidError (a cycle), DagConflict."""
    graph.check(tx, tx.notes.get(_REWIRED, ()))


def tell(tx: Transaction) -> None:
    """Tell those who registered with `Steps` what this transaction made and finished."""
    steps: Steps | None = tx.notes.get(Steps.NOTE)
    new = tuple(tx.notes.pop(_CREATED, ()))
    done = tuple(tx.notes.pop(_FINISHED, ()))
    if steps is not None:
        steps.tell(tx, new, done)


def propagate(tx: Transaction) -> None:
    """Open commits downstream of all branches that were moved or rewired."""
    roots = tx.notes.pop(_MOVED, {})
    changed = tx.notes.pop(_REWIRED, {})
    edges = graph.below(tx, [*roots, *changed])
    if not edges:
        return
    nodes = graph.nodes(tx, {id for edge in edges for id in (edge.branch_id, edge.provenance_id)})
    plan = _Plan(tx, nodes, edges)
    targets = graph.reached(edges, [*roots, *changed]) | (changed.keys() & plan.provenance.keys())
    for id in graph.upstream_first(targets, edges):
        plan.visit(id, forced=id in changed)
    plan.write_heads()


class _Plan:
    """One pass over the branches downstream."""

    def __init__(self, tx: Transaction, nodes: Mapping[int, Node], edges: list[graph.Edge]) -> None:
        self.tx = tx
        self.nodes = nodes
        self.provenance: dict[int, list[int]] = {}
        for edge in sorted(edges, key=lambda edge: edge.position):
            self.provenance.setdefault(edge.branch_id, []).append(edge.provenance_id)
        self.heads = {id: node.head for id, node in nodes.items()}
        self.made: dict[int, int] = {}

    def visit(self, id: int, *, forced: bool) -> None:
        """Give branch `id` a commit if it needs one. forced: even when its inputs are those of its head."""
        node = self.nodes[id]
        head = self.heads[id]
        if head is not None and head.commit.id == self.tx.commit_set:
            return
        sources = self.provenance[id]
        if all(self.nodes[source].branch.repo.type == SPEC for source in sources):
            if head is None:  # a spout writes its own commits; nothing upstream makes one
                self._make(node, None, (), root=EMPTY_ROOT)
            return
        inputs = [source_head.id for source in sources if (source_head := self.heads[source]) is not None]
        if head is not None and not forced and self._same_inputs(head, inputs):
            return
        self._make(node, head, inputs, root=None)

    def write_heads(self) -> None:
        """Point the branches at their new commits."""
        for branch_id, commit_id in self.made.items():
            self.tx.connection.execute(update(branches).where(branches.c.id == branch_id).values(head=commit_id))
            self.tx.emit(f"branch/{self.nodes[branch_id].branch.repo}/{self.nodes[branch_id].branch.name}")

    def _make(self, node: Node, head: CommitRow | None, inputs: list[int] | tuple[()], root: bytes | None) -> None:
        row = insert_commit(self.tx, node.repo_id, node.branch, head, Origin.AUTO, provenance=inputs, root=root)
        self.heads[node.id] = row
        self.made[node.id] = row.id
        created(self.tx, row)

    def _same_inputs(self, head: CommitRow, inputs: list[int]) -> bool:
        before = select(commit_provenance.c.provenance_id).where(commit_provenance.c.commit_id == head.id)
        return set(self.tx.connection.execute(before).scalars()) == set(inputs)
