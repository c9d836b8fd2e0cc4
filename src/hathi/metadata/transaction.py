"""One transaction: everything that one operation changes appears at once, or not at all.

An operation takes the transaction as its first argument and only says what it wants; consequences that follow from the
sum of all changes (validating the graph, propagating commits, making jobs) are *steps* that run once, in order, just
before COMMIT. What concerns the world outside, such as feed topics, leaves after COMMIT only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hathi.model.ids import CommitSetId, new_id

Step = Callable[["Transaction"], None]


class Transaction:
    """A transaction at work; made by `Database`, used by one thread.

    connection: runs SQL inside the transaction.
    now: the one time of everything that happens in it.
    notes: what its steps tell each other; starts with what the database's owner put into `Database.shared`.
    """

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        *,
        commit_set: CommitSetId | None = None,
        shared: Mapping[str, Any] | None = None,
    ) -> None:
        self.connection = connection
        self.now = now
        self.notes: dict[str, Any] = dict(shared or {})
        self._shared = dict(shared or {})
        self._commit_set = commit_set
        self._steps: dict[str, tuple[int, Step]] = {}
        self._topics: dict[str, None] = {}
        self._calls: list[Callable[[], None]] = []

    @property
    def commit_set(self) -> CommitSetId:
        """The id of every commit made in this transaction; drawn when first asked for, unless it was given."""
        if self._commit_set is None:
            self._commit_set = new_id()
        return self._commit_set

    def new_commit_set(self) -> None:
        """Give the commits that follow another id than those before."""
        self._commit_set = None

    def before_commit(self, key: str, order: int, step: Step) -> None:
        """Run `step` before COMMIT, lowest `order` first. While it is due, the same `key` is not registered again.

        A step may register more, also under a key that has run already.
        """
        self._steps.setdefault(key, (order, step))

    def emit(self, topic: str) -> None:
        """Publish `topic` on the feed, after COMMIT."""
        self._topics[topic] = None

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call `call` after COMMIT. It must not fail: what it does is no part of the transaction."""
        self._calls.append(call)

    def run_steps(self) -> None:
        """Run the steps that are due, until none is left. `Database` calls this; so may a rehearsal."""
        while self._steps:
            key = min(self._steps, key=lambda key: self._steps[key][0])
            _, step = self._steps.pop(key)
            step(self)

    @contextmanager
    def rehearse(self, commit_set: CommitSetId | None = None) -> Iterator[Transaction]:
        """Do things as if in a transaction of their own, run the steps, and undo it all; nothing is left of it.

        Raises whatever the operations or the steps raise, undone all the same.
        """
        savepoint = self.connection.begin_nested()
        try:
            inner = Transaction(self.connection, self.now, commit_set=commit_set, shared=self._shared)
            yield inner
            inner.run_steps()
        finally:
            savepoint.rollback()

    def effects(self) -> tuple[tuple[str, ...], tuple[Callable[[], None], ...]]:
        """Return the topics and the calls that are due after COMMIT; `Database` asks."""
        return tuple(self._topics), tuple(self._calls)
