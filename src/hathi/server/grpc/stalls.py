"""End calls that wait for a client which sends nothing, or reads nothing, for too long.

gRPC's iterators of requests and its sending of responses block without a limit. So each call notes when it begins to
wait for its client, and one thread looks for those that have waited too long. A client that died is noticed by
keepalive pings; this is for one that lives and does nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

_log = logging.getLogger("hathi.server.grpc")

End = Callable[[grpc.StatusCode, str], None]


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Time limits of streams, in seconds.

    first: for the first message of a call. idle: for each further one, and for the client to take a response. total:
    for uploads and downloads from start to end. crowded_first, crowded_idle: the same when the place is needed for
    another call.
    """

    first: float = 60.0
    idle: float = 1800.0
    total: float = 86_400.0
    crowded_first: float = 2.0
    crowded_idle: float = 30.0


TIMED = ("uploads", "downloads")
"""Classes with a total limit: followers and subscribers may stay for ever."""


SILENT_SECONDS = 1.0
"""The first message of a call comes with it; one that is later than this may never come."""


class Track:
    """What one call waits for. Written by the thread that serves it, read by others."""

    __slots__ = ("_clock", "_end", "began", "first", "since")

    def __init__(self, end: End, clock: Callable[[], float] = time.monotonic) -> None:
        """end: ends the call with a status and a text."""
        self._end = end
        self._clock = clock
        self.began = clock()
        self.since: float | None = None
        self.first = True

    def block(self) -> None:
        """Note that the call begins to wait for its client."""
        self.since = self._clock()

    def unblock(self) -> None:
        """Note that the client did something."""
        self.since = None
        self.first = False

    def end(self, code: grpc.StatusCode, text: str) -> None:
        """End the call."""
        self._end(code, text)


@dataclass(slots=True, eq=False)
class _Watched:
    kind: str
    peer: str
    track: Track
    ended: bool = field(default=False)

    def end(self, code: grpc.StatusCode, text: str) -> None:
        self.ended = True
        self.track.end(code, text)


class Stalls:
    """Watches calls, and ends those that are overdue. Thread-safe."""

    def __init__(self, limits: StreamLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._changed = threading.Condition()
        self._calls: set[_Watched] = set()
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def watched(self, kind: str, peer: str, track: Track) -> Iterator[None]:
        """Watch a call for the time of the block. kind: name of its class. peer: the client's connection."""
        call = _Watched(kind, peer, track)
        with self._changed:
            self._calls.add(call)
            if len(self._calls) == 1:
                self._changed.notify_all()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="grpc-stalls", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._calls.discard(call)

    def make_room(self, kind: str, peer: str) -> bool:
        """End the call of a class that has waited longest for its client, of the connection that has most such calls,
        for a call of the connection `peer`; returns whether there was one.

        A connection that has more calls than this one has less time to be idle: it is the one that takes the room.
        """
        limits, now = self._limits, self._clock()
        with self._changed:
            calls = [call for call in self._calls if call.kind == kind and not call.ended]
            open_calls = Counter(call.peer for call in calls)
            fair = open_calls[peer] + 1
            idle = [
                (since, call)
                for call in calls
                if (since := call.track.since) is not None
                if now - since
                > (limits.crowded_first if call.track.first or open_calls[call.peer] > fair else limits.crowded_idle)
            ]
            if not idle:
                return False
            held = Counter(call.peer for _, call in idle)
            since, victim = min(idle, key=lambda found: (-held[found[1].peer], found[0]))
            victim.ended = True
        victim.end(
            grpc.StatusCode.ABORTED,
            f"the call was ended after {now - since:.0f} s without a message, because too many {kind} are open",
        )
        return True

    def silent(self, kind: str, peer: str) -> bool:
        """Return whether a connection has calls of a class that wait for their first message for long already."""
        now = self._clock()
        with self._changed:
            return any(
                call.track.first and (since := call.track.since) is not None and now - since > SILENT_SECONDS
                for call in self._calls
                if call.kind == kind and call.peer == peer
            )

    def end_overdue(self) -> float | None:
        """End calls that have waited too long; returns the seconds until the next look, None when no call is open."""
        now = self._clock()
        with self._changed:
            calls = [call for call in self._calls if not call.ended]
        for call in calls:
            if overdue := self._overdue(call, now):
                call.end(grpc.StatusCode.ABORTED, overdue)
        return min(self._limits.first, self._limits.idle) / 2 if calls else None

    def close(self) -> None:
        """Watch no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _overdue(self, call: _Watched, now: float) -> str:
        limits, track = self._limits, call.track
        since = track.since
        if since is not None:
            limit = limits.first if track.first else limits.idle
            if now - since > limit:
                what = "its first message did not come" if track.first else "the stream was idle"
                return f"the call was ended: {what} for {limit:.0f} s"
        if call.kind in TIMED and now - track.began > limits.total:
            return f"the call was ended: it took longer than {limits.total:.0f} s"
        return ""

    def _run(self) -> None:
        wait: float | None = 0.0
        while True:
            with self._changed:
                if wait is None:
                    self._changed.wait_for(lambda: self._closed or self._calls)
                else:
                    self._changed.wait_for(lambda: self._closed, wait)
                if self._closed:
                    return
            try:
                wait = self.end_overdue()
            except Exception:
                _log.exception("looking for idle calls failed")
                wait = self._limits.first
