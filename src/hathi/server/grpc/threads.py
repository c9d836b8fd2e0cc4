"""Threads for one class of calls.

Those of the standard library are joined when the interpreter ends, so one call that never returns would keep a server
from ending. These are daemons; and where the machine gives no new thread, calls wait for one that is there, since an
exception here would end the thread in which gRPC takes every call.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_log = logging.getLogger("hathi.server.grpc")


class ClassThreads(ThreadPoolExecutor):
    """At most `threads` daemon threads, started when they are needed; gRPC takes only heirs of this class."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, thread_name_prefix=name)
        self._limit = threads
        self._name = name
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._open = 0

    @property
    def open(self) -> int:
        """How many calls are at work or queue."""
        return self._open

    @property
    def crowded(self) -> bool:
        """Whether a call that comes now may have to queue."""
        return self._open >= self._limit

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call in one of the threads, as soon as one is free."""
        future: Future[Any] = Future()
        self._work.put((future, lambda: fn(*args, **kwargs)))
        with self._lock:
            self._open += 1
            if self._started < min(self._open, self._limit):
                self._start_thread()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end as soon as they are idle; returns at once. No more calls may come."""
        with self._lock:
            started, self._started = self._started, self._limit
        for _ in range(started):
            self._work.put(None)

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            _log.error("no thread for another of %s (%s has %d): %s", self._name, self._name, self._started, error)
            return
        self._started += 1

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, call = work
            result = error = None
            try:
                result = call()
            except BaseException as raised:
                error = raised
            with self._lock:
                self._open -= 1
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
            del work, future, call, result, error  # or a call's messages would live until the next one comes
