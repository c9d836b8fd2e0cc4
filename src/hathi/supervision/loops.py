"""Background tasks of one thread: calls at an interval, and a handler for what a subscription brings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from hathi.supervision.backoff import Backoff
from hathi.supervision.task import STOP_SECONDS, Task


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


class Ticker(Task):
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
        self._work = work
        self._seconds = seconds
        self._at_once = at_once
        self._wake = threading.Event()
        super().__init__(name, 1, self._run, self._wake.set, backoff=backoff, clock=clock)

    def wake(self) -> None:
        """Make the next call now."""
        self._wake.set()

    def tick(self) -> float:
        """Call the function once, in this thread; returns the seconds until it is to be called again."""
        try:
            again = self._work()
        except BaseException as error:
            failure = self._note_failure("", error)
            return self._seconds if failure is None else failure.pause
        self._note_success("")
        return 0.0 if again else self._seconds

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


class Follower(Task):
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
        self._subscription = subscription
        self._handle = handle
        self._pending: set[str] = set()
        super().__init__(name, 1, self._run, subscription.wake, backoff=backoff, clock=clock)

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End, and close the subscription; returns whether what was going on has ended."""
        ended = super().stop(seconds)
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
            failure = self._note_failure("", error)
            return 0.0 if failure is None else failure.pause
        self._pending.clear()
        self._note_success("")
        return 0.0

    def _run(self) -> None:
        pause = 0.0
        while not self._threads.stopping.wait(pause) and not self._subscription.ended:
            pause = self.follow()
