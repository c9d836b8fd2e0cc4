"""Folding closed commits: the controller that turns FINISHING into FINISHED.

Everything it needs to know is in the database: a commit is foldable when it is closed, not finished, and its parent is
finished. So it can die at any point and be started again; a fold that nothing named is garbage.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy import or_, select

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import commits as table
from hathi.model.errors import HathiError
from hathi.storage.filesets.errors import DuplicatePath, PathCollision
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.fold import fold
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import commits, open_commits
from hathi.versioning.rows import CommitRow, commit_by_id
from hathi.versioning.store import Store

_log = logging.getLogger(__name__)

THREADS = 2
"""Commits folded at the same time, so that a huge one does not hold up the small ones."""

_RETRY_SECONDS = 2.0
"""How long to leave a commit alone whose fold failed for want of storage."""


def fold_all(store: Store) -> int:
    """Fold every commit that is FINISHING and whose parent is finished, upstream ones first; returns how many."""
    count = 0
    while (id := _next(store, set())) is not None:
        fold_one(store, id)
        count += 1
    return count


def fold_one(store: Store, id: int) -> None:
    """Finish one foldable commit; what cannot be folded ends as its error. Raises what the object store raises."""
    with store.db.read() as tx:
        row = commit_by_id(tx, id)
        if row is None or row.finishing is None or row.finished is not None:
            return
        base = commits.base_root(tx, commits.parent_of(tx, row))
        runs = [run.root for run in open_commits.load(tx, id)]
    with store.chunks.upload() as upload:
        try:
            root, error = fold(upload, base, runs), ""
            size = FileTree(upload, root).size
            packs = upload.seal()
        except (PathCollision, DuplicatePath) as clash:
            root, error, size, packs = EMPTY_ROOT, str(clash), 0, []
        with store.db.write() as tx:
            if not _still_closing(tx, row):
                return
            store.ledger.register(tx, upload.lease.id, packs)
            commits.settle(tx, row, root, size, error)
    store.drafts.forget(id)


class Finisher:
    """Threads that fold commits when the feed tells of one, and at start those that a crash left over."""

    def __init__(self, store: Store, threads: int = THREADS) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._busy: set[int] = set()
        self._stopping = False
        self._subscriptions = [store.db.feed.subscribe("closing/") for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"finisher-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; a fold that is going on is finished first."""
        self._stopping = True
        for subscription in self._subscriptions:
            subscription.wake()
        for thread in self._threads:
            thread.join()
        for subscription in self._subscriptions:
            subscription.close()

    def _run(self, number: int) -> None:
        subscription = self._subscriptions[number]
        while not self._stopping:
            pause: float | None = None
            try:
                self._fold_what_is_due()
            except HathiError as error:
                _log.warning("a commit could not be finished and is tried again: %s", error)
                pause = _RETRY_SECONDS
            if not self._stopping and not self._store.db.feed.closed:
                subscription.wait(pause)
            elif self._store.db.feed.closed:
                return

    def _fold_what_is_due(self) -> None:
        while not self._stopping:
            with self._guard:
                id = _next(self._store, self._busy)
                if id is None:
                    return
                self._busy.add(id)
            try:
                fold_one(self._store, id)
            finally:
                with self._guard:
                    self._busy.discard(id)


def _next(store: Store, busy: set[int]) -> int | None:
    parent = table.alias("parent")
    statement = (
        select(table.c.id)
        .outerjoin(parent, parent.c.id == table.c.parent_id)
        .where(table.c.finishing.is_not(None), table.c.finished.is_(None))
        .where(or_(table.c.parent_id.is_(None), parent.c.finished.is_not(None)))
        .order_by(table.c.id)
        .limit(len(busy) + 1)
    )
    with store.db.read() as tx:
        ids = tx.connection.execute(statement).scalars()
        return next((id for id in ids if id not in busy), None)


def _still_closing(tx: Transaction, row: CommitRow) -> bool:
    now = commit_by_id(tx, row.id)
    return now is not None and now.finishing is not None and now.finished is None
