"""The record of failures for threads whose loop is their own, such as those that keep worker processes running."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failure, Failures
from hathi.supervision.status import TaskStatus


class Record:
    """What fails in threads that catch their errors themselves; made by `Supervisor.record`."""

    ended = False

    def __init__(self, name: str, backoff: Backoff, clock: Callable[[], datetime]) -> None:
        self.name = name
        self._clock = clock
        self._failures = Failures(name, backoff)
        self._failed = 0

    def failed(self, subject: str, error: BaseException) -> Failure:
        """Record a failure, and log it where that is due."""
        self._failed += 1
        return self._failures.failed(subject, error, self._clock())

    def succeeded(self, subject: str) -> None:
        """Record that something works, perhaps again."""
        self._failures.succeeded(subject, self._clock())

    def status(self) -> TaskStatus:
        """Return what is known of it."""
        return TaskStatus(self.name, 0, 0, 0, self._failed, self._failures.all())
