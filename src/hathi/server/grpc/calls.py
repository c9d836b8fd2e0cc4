"""One call at the door: what its metadata say, whether its client is still there, and whether it may wait.

Every call holds a thread. Calls that do their work and end are never refused; calls that wait for something to
happen (subscribe, follow, wait, claim) are admitted up to a limit below the number of threads, so that however many
wait, a put still finds a thread. Workers have a limit of their own: no crowd of subscribers can keep them from
their work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hathi.model.errors import ExhaustedError
from hathi.versioning.errors import WaitEnded
from hathi.wire.client import TRANSACTION_KEY

CLIENTS = "calls that wait"
WORKERS = "workers that wait for work"

MOMENTS = 0.005
"""Seconds within which gRPC tells that a stream ended because its client died (measured: mostly below one ms)."""


class Admission:
    """Counts the calls that wait, by kind, and ends their waits when the server stops. Thread-safe.

    limits: how many calls of each kind may wait at a time.
    """

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = limits
        self._waiting = dict.fromkeys(limits, 0)
        self._lock = threading.Lock()
        self._wakes: dict[object, Callable[[], object]] = {}
        self.stopping = False

    @contextmanager
    def waiting(self, kind: str) -> Iterator[None]:
        """Count the block as one that waits; ExhaustedError when too many do already."""
        with self._lock:
            if self._waiting[kind] >= self._limits[kind]:
                raise ExhaustedError(f"too many {kind} at a time: the limit is {self._limits[kind]}; try again later")
            self._waiting[kind] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[kind] -= 1

    def add_wake(self, wake: Callable[[], object]) -> Callable[[], None]:
        """Call `wake` when the server stops; returns what forgets it."""
        key = object()
        with self._lock:
            self._wakes[key] = wake
        if self.stopping:
            wake()

        def forget() -> None:
            with self._lock:
                self._wakes.pop(key, None)

        return forget

    def stop(self) -> None:
        """End every wait."""
        self.stopping = True
        with self._lock:
            wakes = tuple(self._wakes.values())
        for wake in wakes:
            wake()


class Call:
    """A call that is being served."""

    def __init__(self, context: Any, admission: Admission) -> None:
        """context: gRPC's ServicerContext."""
        self._context = context
        self._admission = admission

    @property
    def transaction(self) -> str:
        """Id of the transaction that the client has active, or ""."""
        for key, value in self._context.invocation_metadata():
            if key == TRANSACTION_KEY:
                return str(value)
        return ""

    def cancelled(self) -> bool:
        """Return whether nobody waits for the answer any more: the client left, or the server stops."""
        return self._admission.stopping or not self._context.is_active()

    def on_leave(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from another thread, once `cancelled` has become true. It may be called more than once."""
        forget = self._admission.add_wake(wake)

        def left() -> None:
            forget()
            wake()

        if not self._context.add_callback(left):
            left()

    def confirm_end(self) -> None:
        """Return when the stream of requests ended because the client ended it; WaitEnded when the client died.

        gRPC shows both as the end of the stream, and tells of a death only moments later. What is named after this
        should ask `cancelled` once more before it is committed.
        """
        left = threading.Event()
        self.on_leave(left.set)
        if left.wait(MOMENTS) or self.cancelled():
            raise WaitEnded

    @contextmanager
    def waiting(self, kind: str = CLIENTS) -> Iterator[None]:
        """Count the block as one that waits; ExhaustedError when too many do already."""
        with self._admission.waiting(kind):
            yield
