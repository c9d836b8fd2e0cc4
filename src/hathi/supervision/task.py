"""What every background task has: threads, a count of its tries, and a record of what it fails at."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failure, Failures, supervised
from hathi.supervision.status import TaskStatus
from hathi.supervision.threads import Threads

log = logging.getLogger("hathi.background")

STOP_SECONDS = 10.0
"""How long a stop waits for work that is going on, unless told otherwise."""


class Task:
    """The base of the kinds of tasks that `Supervisor` makes; they add what their threads do."""

    def __init__(
        self,
        name: str,
        threads: int,
        run: Callable[[], None],
        wake: Callable[[], None],
        *,
        backoff: Backoff,
        clock: Callable[[], datetime],
    ) -> None:
        """run, wake: as for `Threads`."""
        self.name = name
        self._backoff = backoff
        self._clock = clock
        self._failures = Failures(name, backoff)
        self._counting = threading.Lock()
        self._succeeded = self._failed = 0
        self._threads = Threads(name, threads, run, wake)

    def start(self) -> None:
        """Begin."""
        self._threads.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End; wait for at most so many seconds for work that is going on. Returns whether it has ended."""
        return self._threads.stop(seconds)

    @property
    def stopping(self) -> bool:
        """Whether the task is to end: for work that takes long, to look at now and then."""
        return self._threads.stopping.is_set()

    @property
    def ended(self) -> bool:
        """Whether the task was stopped and nothing of it is at work any more."""
        return self.stopping and not self._threads.alive

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

    def _note_success(self, subject: str) -> Failure | None:
        """Count a try that succeeded; returns the failure that is over, None when there was none."""
        with self._counting:
            self._succeeded += 1
        return self._failures.succeeded(subject, self._clock())

    def _note_failure(self, subject: str, error: BaseException) -> Failure | None:
        """Count and record a try that failed; None while the task is stopping, since it is not tried again.

        Raises `error` when it is not the supervisor's to handle.
        """
        if not supervised(error):
            raise error
        with self._counting:
            self._failed += 1
        if self.stopping:
            log.info("%s%s: %s, while stopping", self.name, f" of {subject}" if subject else "", error)
            return None
        return self._failures.failed(subject, error, self._clock())
