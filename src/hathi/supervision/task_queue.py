"""Work on keys that are asked for, by a few threads; one key that fails holds up no other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic

from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failure
from hathi.supervision.keyed_queue import Key, KeyedQueue
from hathi.supervision.task import Task

log = logging.getLogger("hathi.background")


class TaskQueue(Task, Generic[Key]):
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
        self._work = work
        self._subject = subject
        self._on_failure = on_failure
        self._on_recovery = on_recovery
        self._queue: KeyedQueue[Key] = KeyedQueue(clock)
        super().__init__(name, threads, self._run, self._queue.close, backoff=backoff, clock=clock)

    def add(self, key: Key) -> None:
        """Ask for work on a key."""
        self._queue.add(key)

    def add_at(self, key: Key, time: datetime) -> None:
        """Ask for work on a key once that time has come."""
        self._queue.add_at(key, time)

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

    def _run(self) -> None:
        while (key := self._queue.take()) is not None:
            self._attempt(key)

    def _attempt(self, key: Key) -> None:
        try:
            again = self._work(key)
        except BaseException as error:
            self._put_off(key, error)
        else:
            self._passed(key)
            if again is not None:
                self._queue.add_at(key, again)
        finally:
            self._queue.done(key)

    def _put_off(self, key: Key, error: BaseException) -> None:
        failure = self._note_failure(self._subject(key), error)
        if failure is None:
            return
        self._queue.hold(key, failure.last + timedelta(seconds=self._backoff.first))
        self._queue.add_at(key, failure.retry)
        self._notify(self._on_failure, key, failure)

    def _passed(self, key: Key) -> None:
        failure = self._note_success(self._subject(key))
        if failure is not None:
            self._notify(self._on_recovery, key, failure)

    def _notify(self, notify: Callable[[Key, Failure], object] | None, key: Key, failure: Failure) -> None:
        if notify is None:
            return
        try:
            notify(key, failure)
        except Exception as error:  # the record has it, and the next failure is shown again
            log.debug("%s of %s: the reason cannot be shown: %s", self.name, failure.subject, error)
