"""A fair lock: first come, first served.

SQLite lets one writer in and makes the others try again after a nap, so that under load somebody is always unlucky.
PostgreSQL lets writers wait for their turn, each with a connection that readers then lack. Writers of one process queue
here instead, before they ask for a connection.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

from hathi.model.errors import InternalError, UnavailableError


class FairLock:
    """A lock with a queue. Not reentrant: a thread that asks twice gets InternalError instead of waiting for itself.

    places: how many threads may hold it at a time.
    """

    def __init__(self, places: int = 1, timeout: float | None = None) -> None:
        """timeout: most seconds to wait for one's turn; UnavailableError after that."""
        self._places = places
        self._timeout = timeout
        self._guard = threading.Lock()
        self._owners: set[int] = set()
        self._queue: deque[_Turn] = deque()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._queue)

    def acquire(self) -> None:
        """Wait for one's turn."""
        me = threading.get_ident()
        with self._guard:
            if me in self._owners:
                raise InternalError("a write transaction was begun inside another one of the same thread")
            if len(self._owners) < self._places:
                self._owners.add(me)
                return
            turn = _Turn(me)
            self._queue.append(turn)
        if turn.come.acquire(timeout=-1 if self._timeout is None else self._timeout):
            return  # an owner before us has made us one
        with self._guard:
            if turn not in self._queue:
                return  # it came just now
            self._queue.remove(turn)
        raise UnavailableError("the database is overloaded; try again")

    def release(self) -> None:
        """Hand the lock to whoever waits longest."""
        with self._guard:
            self._owners.discard(threading.get_ident())
            if not self._queue:
                return
            turn = self._queue.popleft()
            self._owners.add(turn.thread)
        turn.come.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class _Turn:
    """A thread that waits, and the lock that it waits on."""

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.come = threading.Lock()
        self.come.acquire()
