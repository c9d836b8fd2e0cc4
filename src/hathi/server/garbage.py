"""Garbage collection of one server: wired to its database, in the background, and for whoever asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from hathi.metadata import usage
from hathi.metadata.collection import DatabaseGarbage
from hathi.model.packs import Usage
from hathi.storage.garbage.collection import Collection, Outcome, rehearse
from hathi.storage.garbage.plan import Plan
from hathi.storage.garbage.schedule import Scheduler, due
from hathi.supervision import Supervisor
from hathi.versioning.store import Store

TICK_SECONDS = 1.0
"""Between slices of a collection that nobody waits for, and between looks whether one is due."""

LOOK_SECONDS = 15.0
"""Between looks at the figures in the database."""


class Garbage:
    """Collects garbage from `start` to `stop`."""

    def __init__(
        self,
        store: Store,
        supervisor: Supervisor,
        interval: timedelta,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """interval: most time between two collections while anything changes; zero: only on request."""
        self._store = store
        self._ledger = DatabaseGarbage(store.db, store.ledger)
        self._interval = interval
        self._clock = clock
        self._look_at = float("-inf")
        self.scheduler = Scheduler(self._begin, self._is_due, self._done)
        self._task = supervisor.every("garbage collection", TICK_SECONDS, self.scheduler.tick)
        self.scheduler.wake = self._task.wake

    def start(self) -> None:
        """Begin. What a collection left that was killed with its server is taken back."""
        self._ledger.give_up()
        self._task.start()

    def stop(self) -> None:
        """End; the collection that is at work is given up."""
        if self._task.stop():
            self.scheduler.close()

    def usage(self) -> Usage:
        """Return what is stored and about how much of it is garbage."""
        with self._store.db.read() as tx:
            return usage.read(tx)

    def rehearse(self) -> Iterator[Plan | None]:
        """Find out what a collection would do, in steps; the plan comes last."""
        for plan in rehearse(self._store.chunks, self._ledger, self._store.trees, self._roots):
            if plan is not None:
                with self._store.db.write() as tx:
                    usage.measured(tx, plan.frees)
            yield plan

    def _roots(self) -> Iterator[bytes]:
        return self._store.roots.read(self._store.db)

    def _begin(self) -> Collection:
        return Collection(self._store.chunks, self._ledger, self._store.trees, self._roots)

    def _is_due(self) -> bool:
        if not self._interval or self._clock() < self._look_at:
            return False
        self._look_at = self._clock() + LOOK_SECONDS
        with self._store.db.read() as tx:
            return due(usage.read(tx), tx.now, self._interval)

    def _done(self, outcome: Outcome) -> None:
        with self._store.db.write() as tx:
            usage.measured(tx, 0)
