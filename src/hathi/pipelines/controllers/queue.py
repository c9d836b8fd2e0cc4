"""What is to be looked at, by key: each key once however often it was asked for, never by two threads at the same time.

A key that is asked for while somebody looks at it is looked at again afterwards, for what changed may have come too
late to be seen. Keys can also be put off to a time; one heap of deadlines serves all of them.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class KeyedQueue(Generic[Key]):
    """A queue of keys. Thread-safe.

    clock: tells the time that deadlines are compared with.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: deque[Key] = deque()
        self._waiting: set[Key] = set()  # in `_ready`
        self._busy: set[Key] = set()
        self._again: set[Key] = set()  # busy, and asked for meanwhile
        self._deadlines: list[tuple[datetime, int, Key]] = []
        self._pushed = 0
        self._closed = False

    def add(self, key: Key) -> None:
        """Ask for a key to be looked at."""
        with self._changed:
            self._add(key)

    def add_at(self, key: Key, time: datetime) -> None:
        """Ask for a key to be looked at once that time has come."""
        with self._changed:
            self._pushed += 1
            heapq.heappush(self._deadlines, (time, self._pushed, key))
            self._changed.notify()

    def take(self) -> Key | None:
        """Return the next key, which is busy until `done`; sleeps until there is one. None when the queue is closed."""
        with self._changed:
            while not self._closed:
                self._release_due()
                if self._ready:
                    key = self._ready.popleft()
                    self._waiting.discard(key)
                    self._busy.add(key)
                    return key
                self._changed.wait(self._until_next())
            return None

    def take_now(self) -> Key | None:
        """Return the next key that is ready, without sleeping; None when there is none."""
        with self._changed:
            self._release_due()
            if not self._ready:
                return None
        return self.take()

    def done(self, key: Key) -> None:
        """Say that a key taken was looked at."""
        with self._changed:
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._add(key)

    def close(self) -> None:
        """Give out no more keys; who waits for one gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, key: Key) -> None:
        if key in self._busy:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.append(key)
            self._changed.notify()

    def _release_due(self) -> None:
        while self._deadlines and self._deadlines[0][0] <= self._clock():
            self._add(heapq.heappop(self._deadlines)[2])

    def _until_next(self) -> float | None:
        if not self._deadlines:
            return None
        return max((self._deadlines[0][0] - self._clock()).total_seconds(), 0.001)

    def __repr__(self) -> str:
        with self._changed:
            return f"KeyedQueue({len(self._ready)} ready, {len(self._busy)} busy, {len(self._deadlines)} put off)"
