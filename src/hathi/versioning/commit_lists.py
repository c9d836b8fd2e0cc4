"""Lists of commits and commit sets, page by page: each page is one short transaction and costs what it returns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Select, bindparam, exists, select

from hathi.metadata.database import Transaction
from hathi.metadata.paging import PAGE, stream
from hathi.metadata.tables.pfs import commits
from hathi.model.errors import InvalidError
from hathi.model.infos import CommitInfo, CommitSetInfo, Origin
from hathi.model.references import CommitSpec, Repo
from hathi.versioning import ancestry, lookup
from hathi.versioning.commits import commit_set_rows
from hathi.versioning.rows import commit_row, repo_id, select_commits
from hathi.versioning.store import Store
from hathi.versioning.telling import commit_infos


def list_commits(
    store: Store,
    repo: Repo,
    *,
    from_: CommitSpec | None = None,
    to: CommitSpec | None = None,
    number: int = 0,
    reverse: bool = False,
    origin: Origin | None = None,
    started_before: datetime | None = None,
) -> Iterator[CommitInfo]:
    """Yield commits, newest first: all of the repo, or from `to` along parents until `from_`, which is left out.

    number: at most so many; 0 means all. reverse: oldest first, not together with from and to (InvalidError).
    Raises RepoNotFound, and what resolving `from_` and `to` raises.
    """
    if from_ is not None and to is None:
        raise InvalidError("cannot list commits from one without naming the one to list to")
    if to is not None and reverse:
        raise InvalidError("cannot list commits in reverse order together with from or to")
    if to is not None:
        infos = _along(store, from_, to, number, origin)
    else:
        infos = _of_repo(store, repo, number, reverse, origin, started_before)
    wanted = (info for info in infos if started_before is None or info.started < started_before)
    yield from islice(wanted, number or None)


def list_commit_sets(store: Store, project: str = "", *, number: int = 0) -> Iterator[CommitSetInfo]:
    """Yield all commit sets that touch the project ("": any), newest first; at most `number` unless that is 0."""

    def read(tx: Transaction, after: int | None) -> tuple[list[CommitSetInfo], int | None]:
        named: dict[str, object] = {"after": _NEVER if after is None else after, "number": min(number or PAGE, PAGE)}
        rows = tx.connection.execute(_NEWEST_OF_SETS[bool(project)], {**named, **({"of": project} if project else {})})
        found = rows.all()
        members = [row for newest in found for row in commit_set_rows(tx, newest.set_id)]
        sets: dict[str, list[CommitInfo]] = {row.set_id: [] for row in found}
        for info in commit_infos(tx, members):
            sets[info.commit.id].append(info)
        infos = [CommitSetInfo(id, tuple(those)) for id, those in sets.items()]
        return infos, found[-1].id if len(found) == named["number"] else None

    yield from islice(stream(store.db, read), number or None)


def _along(
    store: Store, from_: CommitSpec | None, to: CommitSpec, number: int, origin: Origin | None
) -> Iterator[CommitInfo]:
    """Yield commits along parents; what names them is resolved once, on the first page."""
    stop = -1

    def read(tx: Transaction, start: int | None) -> tuple[list[CommitInfo], int | None]:
        nonlocal stop
        if start is None:
            last = lookup.find(tx, to)
            start = last.id
            if from_ is not None:
                until = lookup.find(tx, from_)
                above = ancestry.at_depth(tx, last, until.depth)
                stop = until.depth if above is not None and above.id == until.id else -1
        rows, behind = ancestry.page(tx, start, stop, min(number or PAGE, PAGE), origin)
        return commit_infos(tx, rows), behind

    return stream(store.db, read)


def _of_repo(
    store: Store, repo: Repo, number: int, reverse: bool, origin: Origin | None, started_before: datetime | None
) -> Iterator[CommitInfo]:
    key, high = 0, _NEVER

    def read(tx: Transaction, after: int | None) -> tuple[list[CommitInfo], int | None]:
        nonlocal key, high
        if after is None:
            key = repo_id(tx, repo)
            if started_before is not None:
                named = {"the_repo": key, "the_time": started_before}
                high = tx.connection.execute(_FIRST_STARTED, named).scalar() or _NEVER
        statement = select_commits().where(commits.c.repo_id == key)
        if origin is not None:
            statement = statement.where(commits.c.origin == origin)
        if reverse:
            statement = statement.where(commits.c.id > (after or 0), commits.c.id < high).order_by(commits.c.id)
        else:
            statement = statement.where(commits.c.id < (after or high)).order_by(commits.c.id.desc())
        most = min(number or PAGE, PAGE)
        rows = [commit_row(row, repo) for row in tx.connection.execute(statement.limit(most))]
        return commit_infos(tx, rows), rows[-1].id if len(rows) == most else None

    return stream(store.db, read)


_NEVER = (1 << 63) - 1
"""A key that no commit has: the greatest that a column holds."""


def _newest_of_sets(*, of_project: bool) -> Select[Any]:
    """Return the statement for the newest commit of each set, newest first: the others of a set are passed over."""
    later = commits.alias("later")
    others = exists().where(later.c.set_id == commits.c.set_id, later.c.id > commits.c.id)
    statement = select(commits.c.id, commits.c.set_id).where(commits.c.id < bindparam("after"))
    if of_project:
        others = others.where(later.c.project == bindparam("of"))
        statement = statement.where(commits.c.project == bindparam("of"))
    return statement.where(~others.correlate(commits)).order_by(commits.c.id.desc()).limit(bindparam("number"))


_NEWEST_OF_SETS = {of_project: _newest_of_sets(of_project=of_project) for of_project in (False, True)}
_FIRST_STARTED = (
    select(commits.c.id)
    .where(commits.c.repo_id == bindparam("the_repo"), commits.c.started >= bindparam("the_time"))
    .order_by(commits.c.started, commits.c.id)
    .limit(1)
)
