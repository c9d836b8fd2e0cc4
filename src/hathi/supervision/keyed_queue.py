"""A queue of keys: each key is given out once however often it was asked for, and never to two threads at a time.

A key that is asked for while somebody works on it is given out again afterwards, since what changed may have come too
late to be seen. A key can be put off to a time, and be held back: given out no sooner than a time, whoever asks.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

LONGEST_WAIT = 3600.0
"""Seconds after which a waiting thread looks at the clock again: system calls take no wait of a thousand years."""


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
        self._due: dict[Key, datetime] = {}  # when each key that was put off is ready; the earliest time counts
        self._deadlines: list[tuple[datetime, int, Key]] = []  # of `_due`, and entries that have become void
        self._held: dict[Key, datetime] = {}
        self._pushed = 0
        self._closed = False

    def add(self, key: Key) -> None:
        """Ask for a key to be worked on."""
        with self._changed:
            self._add(key)

    def add_at(self, key: Key, time: datetime) -> None:
        """Ask for a key to be worked on once that time has come."""
        with self._changed:
            self._put_off(key, time)

    def hold(self, key: Key, until: datetime) -> None:
        """Give a key out no sooner than `until`, even where it is asked for."""
        with self._changed:
            self._held[key] = until

    def take(self) -> Key | None:
        """Return the next key, which is busy until `done`; sleeps until there is one. None when the queue is closed."""
        with self._changed:
            while not self._closed:
                if (key := self._next()) is not None:
                    return key
                self._changed.wait(self._until_next())
            return None

    def take_now(self) -> Key | None:
        """Return the next key that is ready, without sleeping; None when there is none."""
        with self._changed:
            return None if self._closed else self._next()

    def done(self, key: Key) -> None:
        """Say that the work on a key that was taken has ended."""
        with self._changed:
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._add(key)

    def close(self) -> None:
        """Give out no more keys; whoever waits for one gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, key: Key) -> None:
        until = self._held.get(key)
        if key in self._busy:
            self._again.add(key)
        elif until is not None and until > self._clock():
            self._put_off(key, until)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.append(key)
            self._changed.notify()

    def _put_off(self, key: Key, time: datetime) -> None:
        if key in self._due and self._due[key] <= time:
            return
        self._due[key] = time
        self._pushed += 1
        heapq.heappush(self._deadlines, (time, self._pushed, key))
        self._changed.notify()

    def _next(self) -> Key | None:
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            time, _, key = heapq.heappop(self._deadlines)
            if self._due.get(key) == time:
                del self._due[key]
                self._add(key)
        if not self._ready:
            return None
        key = self._ready.popleft()
        self._waiting.discard(key)
        self._held.pop(key, None)
        self._busy.add(key)
        return key

    def _until_next(self) -> float | None:
        if not self._deadlines:
            return None
        seconds = (self._deadlines[0][0] - self._clock()).total_seconds()
        return min(max(seconds, 0.001), LONGEST_WAIT)

    def __repr__(self) -> str:
        with self._changed:
            return f"KeyedQueue({len(self._ready)} ready, {len(self._busy)} busy, {len(self._due)} put off)"
