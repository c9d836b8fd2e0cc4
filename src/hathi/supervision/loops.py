"""Background tasks of one thread: calls at an interval, and a handler for what a subscription brings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failures, supervised
from hathi.supervision.status import TaskStatus
from hathi.supervision.threads import Threads

log = logging.getLogger("hathi.background")

STOP_SECONDS = 10.0
"""How long a stop waits for work that is going on, unless told otherwise."""


class Subscription(Protocol):
    """What `Follower` needs of a subscription; `metadata.feed.Subscription` is one."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        ...

    def wait(self, timeout: float | None = None) -> set[str]:
        """Return what has come since the last wait, sleeping until there is something, or `wake` is called."""
        ...

    def wake(self) -> None:
        """End the wait that is going on, or else the next one."""
        ...

    def close(self) -> None:
        """Collect no more."""
        ...


class Ticker:
    """Calls a function at an interval, from `start` to `stop`; made by `Supervisor.every`."""

    def __init__(
        self,
        name: str,
        seconds: float,
        work: Callable[[], bool | None],
        *,
        at_once: bool,
        backoff: Backoff,
        clock: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._work = work
        self._seconds = seconds
        self._at_once = at_once
        self._backoff = backoff
        self._clock = clock
        self._wake = threading.Event()
        self._failures = Failures(name, backoff)
        self._succeeded = self._failed = 0
        self._threads = Threads(name, 1, self._run, self._wake.set)

    def start(self) -> None:
        """Begin."""
        self._threads.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End; wait for at most so many seconds for a call that is going on. Returns whether it has ended."""
        return self._threads.stop(seconds)

    def wake(self) -> None:
        """Make the next call now."""
        self._wake.set()

    @property
    def stopping(self) -> bool:
        """Whether the task is to end: for work that takes long, to look at now and then."""
        return self._threads.stopping.is_set()

    def tick(self) -> float:
        """Call the function once, in this thread; returns the seconds until it is to be called again."""
        try:
            again = self._work()
        except BaseException as error:
            if not supervised(error):
                raise
            self._failed += 1
            if self.stopping:
                log.info("%s: %s, while stopping", self.name, error)
                return self._seconds
            failure = self._failures.failed("", error, self._clock())
            return (failure.retry - failure.last).total_seconds()
        self._succeeded += 1
        self._failures.succeeded("", self._clock())
        return 0.0 if again else self._seconds

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
        pause = 0.0 if self._at_once else self._seconds
        while True:
            if self._failures.of(""):  # even whoever wakes us waits for the shortest back-off
                least = min(self._backoff.first, pause)
                self._threads.stopping.wait(least)
                pause -= least
            self._wake.wait(pause)
            self._wake.clear()
            if self.stopping:
                return
            pause = self.tick()


class Follower:
    """Handles what a subscription brings, from `start` to `stop`; made by `Supervisor.follow`.

    What could not be handled is handled again, together with what has come meanwhile.
    """

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        handle: Callable[[set[str]], object],
        *,
        backoff: Backoff,
        clock: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._subscription = subscription
        self._handle = handle
        self._clock = clock
        self._pending: set[str] = set()
        self._failures = Failures(name, backoff)
        self._succeeded = self._failed = 0
        self._threads = Threads(name, 1, self._run, subscription.wake)

    def start(self) -> None:
        """Begin."""
        self._threads.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End, and close the subscription; returns whether what was going on has ended."""
        ended = self._threads.stop(seconds)
        self._subscription.close()
        return ended

    def follow(self, timeout: float | None = None) -> float:
        """Handle what comes next, in this thread; returns the seconds to wait before going on (0 unless it failed).

        timeout: return after so many seconds when nothing comes.
        """
        topics = self._subscription.wait(0.0 if self._pending else timeout)
        self._pending |= topics
        if not self._pending:
            return 0.0
        try:
            self._handle(set(self._pending))
        except BaseException as error:
            if not supervised(error):
                raise
            self._failed += 1
            if self._threads.stopping.is_set():
                log.info("%s: %s, while stopping", self.name, error)
                return 0.0
            failure = self._failures.failed("", error, self._clock())
            return (failure.retry - failure.last).total_seconds()
        self._pending.clear()
        self._succeeded += 1
        self._failures.succeeded("", self._clock())
        return 0.0

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
        pause = 0.0
        while not self._threads.stopping.wait(pause) and not self._subscription.ended:
            pause = self.follow()
