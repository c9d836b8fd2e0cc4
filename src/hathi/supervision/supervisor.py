"""Makes the background tasks of one process, and knows how each of them fares."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from hathi.supervision.backoff import PROMPT, Backoff
from hathi.supervision.failures import Failure
from hathi.supervision.keyed_queue import Key
from hathi.supervision.loops import Follower, Subscription, Ticker
from hathi.supervision.record import Record
from hathi.supervision.status import TaskStatus
from hathi.supervision.task_queue import TaskQueue


class _Task(Protocol):
    @property
    def ended(self) -> bool: ...
    def status(self) -> TaskStatus: ...


class Supervisor:
    """Makes background tasks that no exception ends. Thread-safe.

    Whoever has a task made starts it and stops it; the supervisor knows of it until then.
    """

    def __init__(
        self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), backoff: Backoff | None = None
    ) -> None:
        """clock: the time of failures and deadlines. backoff: of tasks that are given no other (1 s doubling to 60)."""
        self._clock = _now if clock is None else clock
        self._backoff = backoff or Backoff()
        self._prompt = backoff or PROMPT
        self._lock = threading.Lock()
        self._tasks: list[_Task] = []

    def queue(
        self,
        name: str,
        work: Callable[[Key], datetime | None],
        *,
        threads: int = 1,
        subject: Callable[[Key], str] = str,
        on_failure: Callable[[Key, Failure], object] | None = None,
        on_recovery: Callable[[Key, Failure], object] | None = None,
        backoff: Backoff | None = None,
    ) -> TaskQueue[Key]:
        """Make a queue of keys and the threads that work on them.

        Args:
            name: what the task does, in a few words ("finishing commits"); shown to operators.
            work: does what there is to do for a key; returns when to work on it again even if nobody asks for it.
                Must bear being repeated: any exception makes it be called again.
            threads: how many keys are worked on at a time.
            subject: names a key for people; equal for equal keys only.
            on_failure: shows the reason where users look for it. What it raises is ignored.
            on_recovery: takes that back.
        """
        task = TaskQueue(
            name,
            work,
            threads=threads,
            subject=subject,
            on_failure=on_failure,
            on_recovery=on_recovery,
            backoff=backoff or self._backoff,
            clock=self._clock,
        )
        self._add(task)
        return task

    def every(
        self,
        name: str,
        seconds: float,
        work: Callable[[], bool | None],
        *,
        at_once: bool = False,
        prompt: bool = False,
        backoff: Backoff | None = None,
    ) -> Ticker:
        """Make a task that calls `work` at an interval.

        Args:
            name: what the task does, in a few words.
            seconds: from the end of one call to the beginning of the next.
            work: returns True to be called again at once, because there is more to do.
            at_once: whether the first call comes at the start, and not after `seconds`.
            prompt: whether all others wait for this one after a failure, so that it is tried every 10 s at least.
            backoff: how long to wait after a failure instead of `seconds`; a heartbeat wants a low limit.
        """
        backoff = backoff or (self._prompt if prompt else self._backoff)
        task = Ticker(name, seconds, work, at_once=at_once, backoff=backoff, clock=self._clock)
        self._add(task)
        return task

    def follow(
        self,
        name: str,
        subscription: Subscription,
        handle: Callable[[set[str]], object],
        *,
        backoff: Backoff | None = None,
    ) -> Follower:
        """Make a task that calls `handle` with the topics that a subscription brings.

        Args:
            name: what the task does, in a few words.
            subscription: closed when the task is stopped.
            handle: takes topics, several at a time; the same ones again when it has failed.
            backoff: by default 1 s doubling to 10, since all that follows from events waits for this.
        """
        task = Follower(name, subscription, handle, backoff=backoff or self._prompt, clock=self._clock)
        self._add(task)
        return task

    def record(self, name: str, *, backoff: Backoff | None = None) -> Record:
        """Make a record of failures for threads that have a loop of their own.

        Args:
            name: what the threads do, in a few words.
            backoff: how these threads wait after a failure; only shown.
        """
        record = Record(name, backoff or self._backoff, self._clock)
        self._add(record)
        return record

    def status(self) -> tuple[TaskStatus, ...]:
        """Return what is known of every task, by name."""
        with self._lock:
            self._tasks = [task for task in self._tasks if not task.ended]
            tasks = tuple(self._tasks)
        return tuple(sorted((task.status() for task in tasks), key=lambda status: status.name))

    def failures(self) -> tuple[Failure, ...]:
        """Return everything that fails now, longest first."""
        failing = (failure for status in self.status() for failure in status.failing)
        return tuple(sorted(failing, key=lambda failure: (failure.since, failure.task, failure.subject)))

    def _add(self, task: _Task) -> None:
        with self._lock:
            self._tasks.append(task)


def _now() -> datetime:
    return datetime.now(UTC)
