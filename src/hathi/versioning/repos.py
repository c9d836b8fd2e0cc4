"""Repos: created, described, listed, deleted.

A user repo whose spec sibling exists is the output of a pipeline; the siblings live and die with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Row, and_, func, insert, or_, select
from sqlalchemy import delete as delete_from
from sqlalchemy import update as update_table

from hathi.metadata import usage
from hathi.metadata.database import Transaction
from hathi.metadata.paging import PAGE, batched, stream
from hathi.metadata.tables.pfs import branch_provenance, branches, commits, projects, repos
from hathi.model import names
from hathi.model.errors import PreconditionError
from hathi.model.infos import RepoInfo
from hathi.model.references import META, SPEC, USER, Branch, Repo
from hathi.versioning import propagation
from hathi.versioning.errors import ProjectNotFound, RepoExists, RepoNotFound
from hathi.versioning.rows import is_repo
from hathi.versioning.store import Store

_MASTER = "master"


def create(tx: Transaction, repo: Repo, description: str = "", *, update: bool = False) -> None:
    """Create a repo, or with `update` set the description of an existing one (and create a missing one).

    Raises InvalidError (name), ProjectNotFound, RepoExists.
    """
    names.check_repo(repo.name, repo.type)
    statement = (
        select(projects.c.name, repos.c.id)
        .outerjoin(repos, and_(repos.c.project == projects.c.name, is_repo(repo)))
        .where(projects.c.name == repo.project)
    )
    found = tx.connection.execute(statement).first()
    if found is None:
        raise ProjectNotFound(repo.project)
    if found.id is None:
        values = {"project": repo.project, "name": repo.name, "type": repo.type, "description": description}
        tx.connection.execute(insert(repos).values(**values, created=tx.now))
    elif update:
        tx.connection.execute(update_table(repos).where(repos.c.id == found.id).values(description=description))
    else:
        raise RepoExists(repo)
    tx.emit(f"repo/{repo}")


def exists(tx: Transaction, repo: Repo) -> bool:
    """Return whether there is such a repo."""
    return tx.connection.execute(select(repos.c.id).where(is_repo(repo))).first() is not None


def inspect(tx: Transaction, repo: Repo) -> RepoInfo:
    """Return a repo with its exact size (None while the head of master is open) and branches; RepoNotFound."""
    row = tx.connection.execute(_select_infos().where(is_repo(repo))).first()
    if row is None:
        raise RepoNotFound(repo)
    return _info(row, _branches(tx, [row.id]).get(row.id, []), exact=True)


def list_repos(store: Store, *, projects: Collection[str] = (), type: str = "") -> Iterator[RepoInfo]:
    """Yield repos, newest first, of the `projects` (none given: all) and the `type` ("": every type), page by page."""

    def read(tx: Transaction, after: int | None) -> tuple[list[RepoInfo], int | None]:
        statement = _select_infos().order_by(repos.c.id.desc()).limit(PAGE)
        if after is not None:
            statement = statement.where(repos.c.id < after)
        if type:
            statement = statement.where(repos.c.type == type)
        each = [statement.where(repos.c.project == project) for project in dict.fromkeys(projects)] or [statement]
        lists = [tx.connection.execute(one).all() for one in each]
        rows = list(islice(merge(*lists, key=lambda row: row.id, reverse=True), PAGE))
        found = _branches(tx, [row.id for row in rows])
        return [_info(row, found.get(row.id, []), exact=False) for row in rows], rows[-1].id if len(
            rows
        ) == PAGE else None

    return stream(store.db, read)


def list_names(tx: Transaction, *, projects: Collection[str] = (), type: str = "") -> list[Repo]:
    """Return the names of the repos that `list_repos` yields."""
    every = tx.connection.execute(select(repos.c.project, repos.c.name, repos.c.type).order_by(repos.c.id.desc()))
    found = (Repo(row.project, row.name, row.type) for row in every)
    return [repo for repo in found if (not projects or repo.project in projects) and type in ("", repo.type)]


def delete(tx: Transaction, repo: Repo, *, force: bool = False, by_pipeline: bool = False) -> bool:
    """Delete a repo with its branches and commits, and with a user repo its spec and meta siblings; False when absent.

    Refused (PreconditionError) when it belongs to a pipeline, unless `force` or `by_pipeline` (the pipeline itself is
    being deleted), and when branches of other repos are made from its branches, unless `force`.
    """
    return bool(delete_together(tx, [repo], force=force, by_pipeline=by_pipeline))


def delete_together(
    tx: Transaction, wanted: Iterable[Repo], *, force: bool = False, by_pipeline: bool = False
) -> list[Repo]:
    """Delete several repos, which may be made from one another; returns those that were there. See `delete`."""
    found: list[Repo] = []
    gone: dict[int, Repo] = {}
    for repo in wanted:
        family = [repo, repo.with_type(SPEC), repo.with_type(META)] if repo.type == USER else [repo]
        rows = tx.connection.execute(select(repos.c.id, repos.c.type).where(or_(*map(is_repo, family)))).all()
        kinds = {row.type for row in rows}
        if repo.type not in kinds:
            continue
        if not force and not by_pipeline and (SPEC in kinds or repo.type != USER):
            raise PreconditionError(
                f"cannot delete a repo associated with a pipeline - delete the pipeline instead: {repo}"
            )
        found.append(repo)
        gone |= {row.id: repo.with_type(row.type) for row in rows}
    if gone and not force:
        _require_unused(tx, list(gone))
    remove(tx, gone.values())
    return found


def remove(tx: Transaction, gone: Iterable[Repo]) -> None:
    """Delete repos and all that is in them, whatever depends on it."""
    for repo in gone:
        id = tx.connection.execute(select(repos.c.id).where(is_repo(repo))).scalar_one()
        of_repo = select(branches.c.id).where(branches.c.repo_id == id)
        propagation.abandoned(tx, tx.connection.execute(of_repo).scalars().all())
        largest = tx.connection.execute(select(func.max(commits.c.size)).where(commits.c.repo_id == id)).scalar()
        usage.deleted(tx, largest or 0)
        tx.connection.execute(delete_from(branches).where(branches.c.repo_id == id))
        tx.connection.execute(delete_from(commits).where(commits.c.repo_id == id))
        tx.connection.execute(delete_from(repos).where(repos.c.id == id))
        propagation.forget(tx, repo)
        tx.emit(f"repo/{repo}")


def _require_unused(tx: Transaction, ids: Sequence[int]) -> None:
    """Refuse when branches outside the repos `ids` are made from branches inside."""
    source, user = branches.alias("source"), branches.alias("made")
    statement = (
        select(source.c.name, source.c.repo_id, user.c.name.label("made_name"), user.c.repo_id.label("made_repo"))
        .join(branch_provenance, branch_provenance.c.provenance_id == source.c.id)
        .join(user, user.c.id == branch_provenance.c.branch_id)
    )
    inside_ids = set(ids)
    edges = (
        edge for batch in batched(ids) for edge in tx.connection.execute(statement.where(source.c.repo_id.in_(batch)))
    )
    row = next((edge for edge in edges if edge.made_repo not in inside_ids), None)
    if row is None:
        return
    by_id = {
        found.id: Repo(found.project, found.name, found.type)
        for found in tx.connection.execute(select(repos).where(repos.c.id.in_([row.repo_id, row.made_repo])))
    }
    inside, outside = by_id[row.repo_id].branch(row.name), by_id[row.made_repo].branch(row.made_name)
    raise PreconditionError(f"repo {inside.repo} cannot be deleted: branch {outside} is made from {inside}")


def _select_infos() -> Any:
    master = and_(branches.c.repo_id == repos.c.id, branches.c.name == _MASTER)
    return (
        select(repos, commits.c.size, commits.c.finished)
        .select_from(repos)
        .outerjoin(branches, master)
        .outerjoin(commits, commits.c.id == branches.c.head)
    )


def _branches(tx: Transaction, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for batch in batched(ids):
        every = select(branches.c.repo_id, branches.c.name).where(branches.c.repo_id.in_(batch))
        for id, name in sorted(tuple(row) for row in tx.connection.execute(every)):
            found.setdefault(id, []).append(name)
    return found


def _info(row: Row[Any], names_of_branches: list[str], *, exact: bool) -> RepoInfo:
    repo = Repo(row.project, row.name, row.type)
    return RepoInfo(
        repo=repo,
        description=row.description,
        created=row.created,
        size_upper_bound=row.size or 0,
        size=(row.size or 0) if exact and (row.size is None or row.finished is not None) else None,
        branches=tuple(Branch(repo, name) for name in names_of_branches),
    )
