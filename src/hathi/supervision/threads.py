"""The threads of one background task: started together, ended together, and never waited for without limit."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("hathi.background")


class Threads:
    """Daemon threads that run one function.

    task: the task's name, for the threads' names and the log.
    run: what each thread runs; returns soon after `stopping` was set and `wake` was called.
    wake: lets threads that wait look at `stopping`.
    """

    def __init__(self, task: str, count: int, run: Callable[[], None], wake: Callable[[], None]) -> None:
        self.stopping = threading.Event()
        self._task = task
        self._wake = wake
        self._started = False
        name = task.replace(" ", "-")
        self._threads = [
            threading.Thread(target=run, name=f"{name}-{number}" if count > 1 else name, daemon=True)
            for number in range(count)
        ]

    @property
    def alive(self) -> int:
        """How many are at work."""
        return sum(thread.is_alive() for thread in self._threads)

    @property
    def wanted(self) -> int:
        """How many there are to be now."""
        return len(self._threads) if self._started and not self.stopping.is_set() else 0

    def start(self) -> None:
        """Start them."""
        self._started = True
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> bool:
        """End them; wait for at most so many seconds for work that is going on.

        Returns whether all have ended. Those that have not are named in the log; they end with the process.
        """
        self.stopping.set()
        self._wake()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0.0))
        if left := self.alive:
            log.warning("%s: still at work %g s after it was told to stop (%d threads)", self._task, seconds, left)
        return not left
