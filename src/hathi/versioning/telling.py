"""What is told about commits: rows turned into `CommitInfo`, many at a time.

Parents, children and provenance of any number of commits take three statements, not three for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import BindParameter, bindparam, select

from hathi.metadata.database import Transaction
from hathi.metadata.paging import batched
from hathi.metadata.tables.pfs import commit_provenance, commits, repos
from hathi.model.ids import CommitSetId
from hathi.model.infos import CommitInfo
from hathi.model.references import Commit, Repo
from hathi.versioning.rows import CommitRow


def commit_infos(tx: Transaction, rows: Sequence[CommitRow]) -> list[CommitInfo]:
    """Return what is known of `rows`, in their order."""
    repos_by_id = {row.id: row.repo for row in rows}
    parents = _parents(tx, rows)
    children: dict[int, list[Commit]] = {}
    sources: dict[int, list[Commit]] = {}
    for batch in batched(repos_by_id):
        for _, parent_id, set_id in sorted(tuple(row) for row in tx.connection.execute(_CHILDREN, {"ids": batch})):
            children.setdefault(parent_id, []).append(repos_by_id[parent_id].commit(set_id))
        for id, source in _provenance(tx, batch):
            sources.setdefault(id, []).append(source)
    return [
        CommitInfo(
            commit=row.commit,
            branch=row.branch,
            origin=row.origin,
            description=row.description,
            parent=parents.get(row.parent_id) if row.parent_id is not None else None,
            children=tuple(children.get(row.id, ())),
            started=row.started,
            finishing=row.finishing,
            finished=row.finished,
            direct_provenance=tuple(sources.get(row.id, ())),
            error=row.error,
            size_upper_bound=row.size,
            size=row.size if row.finished is not None else None,
            created_by=row.created_by,
        )
        for row in rows
    ]


def provenance(tx: Transaction, row: CommitRow) -> list[Commit]:
    """Return the commits that a commit was made from directly, in order."""
    return [source for _, source in _provenance(tx, (row.id,))]


def _provenance(tx: Transaction, ids: Sequence[int]) -> Iterator[tuple[int, Commit]]:
    for row in sorted(tx.connection.execute(_PROVENANCE, {"ids": ids}), key=lambda row: (row.commit_id, row.position)):
        yield row.commit_id, Repo(row.project, row.name, row.type).commit(row.set_id)


def _parents(tx: Transaction, rows: Sequence[CommitRow]) -> dict[int, Commit]:
    parents = {row.id: row.commit for row in rows}
    missing = {row.parent_id: row.repo for row in rows if row.parent_id is not None and row.parent_id not in parents}
    for batch in batched(missing):
        for id, set_id in tx.connection.execute(_SETS, {"ids": batch}):
            parents[id] = Commit(missing[id], CommitSetId(set_id))
    return parents


_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_CHILDREN = select(commits.c.id, commits.c.parent_id, commits.c.set_id).where(commits.c.parent_id.in_(_IDS))
_SETS = select(commits.c.id, commits.c.set_id).where(commits.c.id.in_(_IDS))
_PROVENANCE = (
    select(
        commit_provenance.c.commit_id,
        commit_provenance.c.position,
        commits.c.set_id,
        repos.c.project,
        repos.c.name,
        repos.c.type,
    )
    .select_from(commit_provenance)
    .join(commits, commits.c.id == commit_provenance.c.provenance_id)
    .join(repos, repos.c.id == commits.c.repo_id)
    .where(commit_provenance.c.commit_id.in_(_IDS))
)
