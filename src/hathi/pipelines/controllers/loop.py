"""The threads that keep pipelines and jobs going: one that turns news into keys, a few that look at keys."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import timedelta

from hathi.metadata.feed import Subscription
from hathi.model.errors import HathiError
from hathi.model.references import Pipeline
from hathi.pipelines.controllers import job, pipeline, trouble
from hathi.pipelines.controllers.topics import PREFIXES, Key, every_key, keys_of
from hathi.pipelines.logs import Logs
from hathi.pipelines.work import parse_group
from hathi.runtimes.interface import Runtime
from hathi.supervision.keyed_queue import KeyedQueue
from hathi.versioning.store import Store

log = logging.getLogger(__name__)

THREADS = 4
"""How many keys are looked at at a time: folding one large job must not hold up the others."""

RETRY_SECONDS = 1.0
"""When to look again after the first error; twice as long after each further one, up to RETRY_LIMIT."""

RETRY_LIMIT = 60.0


class Controllers:
    """Reconciles every pipeline and job whenever the feed, a deadline or the runtime says that something changed."""

    def __init__(self, store: Store, runtime: Runtime, logs: Logs, *, threads: int = THREADS) -> None:
        self._store = store
        self._runtime = runtime
        self._logs = logs
        self._queue: KeyedQueue[Key] = KeyedQueue(store.db.clock)
        self._failures: dict[Key, tuple[int, str]] = {}  # how often in a row, and what was told of it
        self._news: Subscription | None = None
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"controller-{n}") for n in range(threads)]
        self._threads.append(threading.Thread(target=self._listen, name="controller-news"))

    def start(self) -> None:
        """Look at everything once, in threads of its own, and go on with every change. Returns at once."""
        self.subscribe()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the actions at hand and end the threads."""
        self._stopping = True
        self._queue.close()
        if self._news is not None:
            self._news.wake()
            self._news.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def subscribe(self) -> None:
        """Collect news from now on, and ask for a look at everything. Part of `start`; tests go on without threads."""
        self._news = self._store.db.feed.subscribe(*PREFIXES)
        self._runtime.on_change(self._group_changed)
        with self._store.db.read() as tx:
            for key in every_key(tx):
                self._queue.add(key)

    def settle(self) -> None:
        """Look at keys in this thread until there is no more news: for tests, instead of `start`."""
        while True:
            self._take_news(timeout=0)
            key = self._queue.take_now()
            if key is None:
                return
            self._look(key)

    def _listen(self) -> None:
        while not self._stopping and not self._store.db.feed.closed:
            self._take_news(timeout=None)

    def _take_news(self, timeout: float | None) -> None:
        if self._news is None:
            return
        topics = self._news.wait(timeout)
        if topics:
            try:
                with self._store.db.read() as tx:
                    found = keys_of(tx, topics)
            except HathiError:
                log.exception("news could not be read; looking at them again")
                self._news.offer(topics)
                return
            for key in found:
                self._queue.add(key)

    def _work(self) -> None:
        while (key := self._queue.take()) is not None:
            self._look(key)

    def _look(self, key: Key) -> None:
        try:
            if isinstance(key, Pipeline):
                pipeline.reconcile(self._store, self._runtime, self._logs, key)
            else:
                again = job.reconcile(self._store, key)
                if again is not None:
                    self._queue.add_at(key, again)
            if (failed := self._failures.pop(key, None)) is not None:
                trouble.withdraw(self._store, key, failed[1])
        except Exception as error:  # whatever it is, the other keys must go on and this one must be tried again
            self._put_off(key, error)
        finally:
            self._queue.done(key)

    def _put_off(self, key: Key, error: Exception) -> None:
        failures = self._failures.get(key, (0, ""))[0] + 1
        text = trouble.describe(error)
        self._failures[key] = failures, text
        seconds = min(RETRY_SECONDS * 2 ** (failures - 1), RETRY_LIMIT)
        log.error("%s: %s; looking again in %s seconds", key, error, seconds, exc_info=error)
        now = self._store.db.clock()
        self._queue.add_at(key, now + timedelta(seconds=seconds))
        owner, id = (key, "") if isinstance(key, Pipeline) else (key.pipeline, str(key.id))
        with suppress(HathiError):  # where even that fails, the log just written tells the same
            trouble.tell(self._store, key, text)
            self._logs.append_master(owner, now, f"{text}; trying again in {seconds:g} s", id)

    def _group_changed(self, group: str) -> None:
        self._queue.add(parse_group(group)[0])
