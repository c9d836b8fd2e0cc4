"""Work on keys that are asked for, by a few threads; one key that fails holds up no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic

from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failure, Failures, supervised
from hathi.supervision.keyed_queue import Key, KeyedQueue
from hathi.supervision.loops import STOP_SECONDS
from hathi.supervision.status import TaskStatus
from hathi.supervision.threads import Threads

log = logging.getLogger("hathi.background")


class TaskQueue(Generic[Key]):
    """Threads that work on keys, from `start` to `stop`; made by `Supervisor.queue`.

    A key is never worked on by two threads at a time. One that is asked for while it is worked on comes again
    afterwards. One whose work fails comes again by itself, later and later; where it is asked for meanwhile, it comes
    at most once in the shortest back-off.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Key], datetime | None],
        *,
        threads: int,
        subject: Callable[[Key], str],
        on_failure: Callable[[Key, Failure], object] | None,
        on_recovery: Callable[[Key, Failure], object] | None,
        backoff: Backoff,
        clock: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._work = work
        self._subject = subject
        self._on_failure = on_failure
        self._on_recovery = on_recovery
        self._backoff = backoff
        self._clock = clock
        self._queue: KeyedQueue[Key] = KeyedQueue(clock)
        self._failures = Failures(name, backoff)
        self._counting = threading.Lock()
        self._succeeded = self._failed = 0
        self._threads = Threads(name, threads, self._run, self._queue.close)

    def add(self, key: Key) -> None:
        """Ask for work on a key."""
        self._queue.add(key)

    def add_at(self, key: Key, time: datetime) -> None:
        """Ask for work on a key once that time has come."""
        self._queue.add_at(key, time)

    def start(self) -> None:
        """Begin."""
        self._threads.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End; wait for at most so many seconds for work that is going on. Returns whether it has ended."""
        return self._threads.stop(seconds)

    def run_ready(self, most: int | None = None) -> int:
        """Work in this thread until no key is ready, or `most` were worked on; returns how many were.

        For tests, instead of `start`.
        """
        count = 0
        while count != most and (key := self._queue.take_now()) is not None:
            self._attempt(key)
            count += 1
        return count

    def failure(self, key: Key) -> Failure | None:
        """Return why work on a key fails; None when it does not."""
        return self._failures.of(self._subject(key))

    @property
    def ended(self) -> bool:
        """Whether the task was stopped and nothing of it is at work any more."""
        return self._threads.stopping.is_set() and not self._threads.alive

    def status(self) -> TaskStatus:
        """Return what is known of the task."""
        return TaskStatus(
            self.name,
            self._threads.alive,
            self._threads.wanted,
            self._succeeded,
            self._failed,
            self._failures.all(),
        )

    def _run(self) -> None:
        while (key := self._queue.take()) is not None:
            self._attempt(key)

    def _attempt(self, key: Key) -> None:
        try:
            again = self._work(key)
        except BaseException as error:
            if not supervised(error):
                raise
            self._put_off(key, error)
        else:
            self._passed(key)
            if again is not None:
                self._queue.add_at(key, again)
        finally:
            self._queue.done(key)

    def _put_off(self, key: Key, error: BaseException) -> None:
        with self._counting:
            self._failed += 1
        if self._threads.stopping.is_set():
            log.info("%s of %s: %s, while stopping", self.name, self._subject(key), error)
            return
        failure = self._failures.failed(self._subject(key), error, self._clock())
        self._queue.hold(key, failure.last + timedelta(seconds=self._backoff.first))
        self._queue.add_at(key, failure.retry)
        self._notify(self._on_failure, key, failure)

    def _passed(self, key: Key) -> None:
        with self._counting:
            self._succeeded += 1
        failure = self._failures.succeeded(self._subject(key), self._clock())
        if failure is not None:
            self._notify(self._on_recovery, key, failure)

    def _notify(self, notify: Callable[[Key, Failure], object] | None, key: Key, failure: Failure) -> None:
        if notify is None:
            return
        try:
            notify(key, failure)
        except Exception as error:  # the record has it, and the next failure is shown again
            log.debug("%s of %s: the reason cannot be shown: %s", self.name, failure.subject, error)
