"""A lock that is fair: whoever comes first is served first.

SQLite lets one writer in and makes the others try again after a nap, so that under load somebody is always unlucky.
Writers of one process queue here instead, before they ask the database.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

from hathi.model.errors import InternalError


class FairLock:
    """A lock with a queue. Not reentrant: a thread that asks twice gets InternalError instead of waiting for itself."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._owner: int | None = None
        self._queue: deque[tuple[int, threading.Lock]] = deque()

    def acquire(self) -> None:
        """Wait for one's turn."""
        me = threading.get_ident()
        with self._guard:
            if self._owner == me:
                raise InternalError("a write transaction was begun inside another one of the same thread")
            if self._owner is None:
                self._owner = me
                return
            turn = threading.Lock()
            turn.acquire()
            self._queue.append((me, turn))
        turn.acquire()  # released by the owner before us, who has made us the owner

    def release(self) -> None:
        """Hand the lock to whoever waits longest."""
        with self._guard:
            if not self._queue:
                self._owner = None
                return
            self._owner, turn = self._queue.popleft()
        turn.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
