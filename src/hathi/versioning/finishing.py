"""Fold closed commits: the background task that turns FINISHING into FINISHED.

Everything it needs to know is in the database: a commit can be folded when it is closed, not finished, and its parent
is finished. So the task can die at any point and be started again; the result of a fold that no row names is garbage.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, bindparam, or_

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import commits as table
from hathi.model.packs import Root
from hathi.model.references import Commit
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.errors import DuplicatePath, PathCollision
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.fold import fold
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.supervision import STOP_SECONDS, Failure, Supervisor
from hathi.versioning import commits, open_commits
from hathi.versioning.errors import RepoNotFound
from hathi.versioning.rows import CommitRow, commit_by_id, commit_row, find_commit, select_commits
from hathi.versioning.store import Store

THREADS = 2
"""Commits folded at the same time, so that a huge one does not hold up the small ones."""

_TOPIC = "closing/"


def fold_all(store: Store) -> int:
    """Fold every commit that is FINISHING and whose parent is finished, upstream ones first; returns how many."""
    count = 0
    while True:
        with store.db.read() as tx:
            due = _every_due(tx)
        if not due:
            return count
        for commit in due:
            fold_one(store, commit)
            count += 1


def fold_one(store: Store, commit: Commit) -> None:
    """Finish a commit if it can be folded; what its writers did wrong ends as its error.

    Raises what the database and the object store raise.
    """
    with store.chunks.upload() as upload:
        with store.db.read() as tx:
            row = _find(tx, commit)
            if row is None or row.finishing is None or row.finished is not None:
                return
            parent = commits.parent_of(tx, row)
            if parent is not None and parent.finished is None:
                return  # its end brings this one here again
            base = commits.base_root(tx, parent)
            runs = [run.root for run in open_commits.load(tx, row.id)]
        try:
            root, error = fold(upload, base, runs), ""
            size = FileTree(upload, root).size
            packs = upload.seal()
        except (PathCollision, DuplicatePath) as clash:
            root, error, size, packs = EMPTY_ROOT, str(clash), 0, []
        with store.db.write() as tx:
            if not _still_closing(tx, row):
                return
            store.ledger.register(tx, upload, packs, [Root(FILES.name, root)])
            commits.settle(tx, row, root, size, error)
    store.drafts.forget(row.id)


class Finisher:
    """Folds commits when the feed tells of one, and at the start those that a crash left over.

    A commit that cannot be folded is tried again later and later, and holds up only its own children.
    """

    def __init__(self, store: Store, supervisor: Supervisor, threads: int = THREADS) -> None:
        self._store = store
        self._commits = supervisor.queue("finishing commits", self._fold, threads=threads, subject=subject)
        self._events = supervisor.follow("closed commits", store.db.feed.subscribe(_TOPIC), self._take)

    def start(self) -> None:
        """Begin."""
        self._take({_TOPIC})
        self._commits.start()
        self._events.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End; wait for at most so many seconds for folds that are going on."""
        self._events.stop(seconds)
        self._commits.stop(seconds)

    def failure(self, commit: Commit) -> Failure | None:
        """Return why a commit cannot be finished for now; None when nothing is known against it."""
        return self._commits.failure(commit)

    def _fold(self, commit: Commit) -> None:
        fold_one(self._store, commit)

    def _take(self, topics: set[str]) -> None:
        with self._store.db.read() as tx:
            due = _every_due(tx) if _TOPIC in topics else _due_after(tx, topics)
        for commit in due:
            self._commits.add(commit)


def subject(commit: Commit) -> str:
    """Return how the record of failures names a commit."""
    return f"commit {commit}"


def _due() -> Select[Any]:
    """Return the statement for commits that can be folded, upstream ones first."""
    return (
        select_commits()
        .outerjoin(_PARENT, _PARENT.c.id == table.c.parent_id)
        .where(table.c.finishing.is_not(None), table.c.finished.is_(None))
        .where(or_(table.c.parent_id.is_(None), _PARENT.c.finished.is_not(None)))
        .order_by(table.c.id)
    )


_PARENT = table.alias("parent")
_EVERY_DUE = _due()
_DUE_IN_SET = _due().where(table.c.set_id == bindparam("set"))
_DUE_BELOW_SET = _due().where(_PARENT.c.set_id == bindparam("set"))


def _every_due(tx: Transaction) -> list[Commit]:
    return [commit_row(row).commit for row in tx.connection.execute(_EVERY_DUE)]


def _due_after(tx: Transaction, topics: Iterable[str]) -> list[Commit]:
    """Return the commits that topics concern: those closed, and the children of those finished."""
    rows = [
        row
        for set_id in {topic.rpartition("/")[2] for topic in topics}
        for statement in (_DUE_IN_SET, _DUE_BELOW_SET)
        for row in tx.connection.execute(statement, {"set": set_id})
    ]
    rows.sort(key=lambda row: int(row.id))
    return [commit_row(row).commit for row in rows]


def _find(tx: Transaction, commit: Commit) -> CommitRow | None:
    try:
        return find_commit(tx, commit)[1]
    except RepoNotFound:
        return None


def _still_closing(tx: Transaction, row: CommitRow) -> bool:
    now = commit_by_id(tx, row.id)
    return now is not None and now.finishing is not None and now.finished is None
