"""The threads that keep pipelines and jobs going: one that turns events into keys, a few that reconcile keys."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from hathi.model.references import Job, Pipeline
from hathi.pipelines.controllers import job, pipeline, trouble
from hathi.pipelines.controllers.topics import PREFIXES, Key, every_key, keys_of
from hathi.pipelines.logs import Logs
from hathi.pipelines.work import parse_group
from hathi.runtimes.interface import Runtime
from hathi.supervision import STOP_SECONDS, Failure, Follower, Supervisor
from hathi.versioning.store import Store

THREADS = 4
"""How many keys are reconciled at a time: folding one large job must not hold up the others."""


class Controllers:
    """Reconciles every pipeline and job whenever the feed, a deadline or the runtime says that something changed."""

    def __init__(
        self, store: Store, runtime: Runtime, logs: Logs, supervisor: Supervisor, *, threads: int = THREADS
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._logs = logs
        self._supervisor = supervisor
        self._keys = supervisor.queue(
            "pipelines and jobs",
            self._reconcile,
            threads=threads,
            subject=trouble.subject,
            on_failure=self._show,
            on_recovery=self._take_back,
        )
        self._events: Follower | None = None

    def start(self) -> None:
        """Look at everything once, in threads of its own, and go on with every change. Returns at once."""
        events = self.subscribe()
        self._keys.start()
        events.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End the threads; wait for at most so many seconds for the actions at hand."""
        if self._events is not None:
            self._events.stop(seconds)
        self._keys.stop(seconds)

    def subscribe(self) -> Follower:
        """Collect events from now on, and ask for a look at everything. Part of `start`; tests go on without threads.

        Returns the task that takes events.
        """
        subscription = self._store.db.feed.subscribe(*PREFIXES)
        self._events = self._supervisor.follow("pipeline events", subscription, self._take)
        self._runtime.on_change(self._group_changed)
        with self._store.db.read() as tx:
            for key in every_key(tx):
                self._keys.add(key)
        return self._events

    def settle(self) -> None:
        """Reconcile keys in this thread until there are no more events: for tests, instead of `start`."""
        assert self._events is not None
        while True:
            self._events.follow(timeout=0)
            if not self._keys.run_ready(1):
                return

    def _take(self, topics: set[str]) -> None:
        with self._store.db.read() as tx:
            found = keys_of(tx, topics)
        for key in found:
            self._keys.add(key)

    def _reconcile(self, key: Key) -> datetime | None:
        if isinstance(key, Pipeline):
            pipeline.reconcile(self._store, self._runtime, self._logs, key)
            return None
        return job.reconcile(self._store, key, partial(self._tell, key))

    def _tell(self, job: Job, text: str) -> None:
        self._logs.append_master(job.pipeline, self._store.db.clock(), text, job.id)

    def _show(self, key: Key, failure: Failure) -> None:
        owner, id = (key, "") if isinstance(key, Pipeline) else (key.pipeline, str(key.id))
        trouble.show(self._store, key, failure.reason)
        if failure.notable:
            seconds = (failure.retry - failure.last).total_seconds()
            self._logs.append_master(owner, failure.last, f"{failure.reason}; trying again in {seconds:g} s", id)

    def _take_back(self, key: Key, failure: Failure) -> None:
        trouble.take_back(self._store, key, failure.reason)

    def _group_changed(self, group: str) -> None:
        self._keys.add(parse_group(group)[0])
