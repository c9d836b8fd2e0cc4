"""Heartbeat for a claim; stops the running datum when the claim is lost.

A thread beats every few seconds, since the answer may be to stop. The claim is given up only when the server says that
it is lost, when no beat has succeeded for as long as a claim lives, or when this process was taken for dead, so that
what it wrote could not be reported. Any other answer, also "internal error", says nothing of the claim: the server is
asked again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hathi.datum.sandbox import Sandbox, SandboxGone
from hathi.model.errors import NotFoundError
from hathi.worker.attempts import Stopped
from hathi.worker.server import Server

BEAT_SECONDS = 2.0  # how long what nobody wants any more goes on
BEATS = 3  # at least, in the life of a claim
RETRY_SECONDS = 0.5


class Beats:
    """The guard of one claim's runs; a context manager, whose thread beats while it is entered."""

    def __init__(
        self,
        server: Server,
        claim: str,
        seconds: float,
        alive: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """alive: returns whether what is written can still be reported. clock: in seconds."""
        self._server = server
        self._claim = claim
        self._seconds = seconds
        self._alive = alive
        self._clock = clock
        self._changed = threading.Condition()
        self._over = False
        self._lost = False
        self._datum = ""
        self._since = 0.0
        self._sandbox: Sandbox | None = None
        self._cancelled = False
        self._last = clock()
        self._thread = threading.Thread(target=self._run, name="beats", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether the claim is somebody else's."""
        return self._lost

    def __enter__(self) -> Beats:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._thread.join()

    def watching(self, datum: str, sandbox: Sandbox) -> None:
        """A datum is about to run; raises Stopped when the claim is lost."""
        with self._changed:
            if self._lost:
                raise Stopped
            if datum != self._datum:
                self._datum, self._since = datum, self._clock()
            self._sandbox, self._cancelled = sandbox, False

    def released(self) -> bool:
        """The run is over; returns whether it was cancelled, to be tried again. Raises Stopped when the claim is
        lost.
        """
        with self._changed:
            self._sandbox = None
            if self._lost:
                raise Stopped
            return self._cancelled

    def beat(self) -> float:
        """Beat once; returns the seconds until the next one."""
        with self._changed:
            datum, running = self._datum, self._clock() - self._since if self._datum else 0.0
        sent = self._clock()
        try:
            answer = self._server.beat(self._claim, datum, running)
            self._last = sent  # the server counts from later
        except NotFoundError:
            self._stop(lost=True)
            return self._seconds
        except Exception:
            if self._clock() - self._last > self._seconds:
                self._stop(lost=True)
            return min(RETRY_SECONDS, self._pause)
        if answer.lost or not self._alive():
            self._stop(lost=True)
        elif datum and datum in answer.cancelled:
            self._stop(lost=False, datum=datum)
        return self._pause

    @property
    def _pause(self) -> float:
        return min(BEAT_SECONDS, self._seconds / BEATS)

    def _stop(self, *, lost: bool, datum: str = "") -> None:
        with self._changed:
            self._lost = self._lost or lost
            if self._sandbox is None or (datum and datum != self._datum):
                return
            self._cancelled = True
            sandbox = self._sandbox
        try:
            sandbox.kill()
        except SandboxGone:
            pass  # then nothing of the datum runs

    def _run(self) -> None:
        wait = self._pause
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._over, wait):
                    return
            if self._lost:
                return
            try:
                wait = self.beat()
            except Exception:  # of the sandbox; without beats the claim would be lost
                wait = RETRY_SECONDS
