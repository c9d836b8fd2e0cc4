"""Admit calls by class: each class has threads and limits of its own, so that none can starve another.

A call holds a thread from its first byte to its last, and a client may send that first byte and nothing more. So each
method belongs to a class with its own thread pool; a connection gets a share of each class; and when a class is full,
calls that only wait for their client are ended to make room. Calls that wait for something to happen (subscribe,
follow, wait, claim) are counted while they wait, below the threads of their class.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from hathi.model.errors import ExhaustedError, HathiError, InternalError, UnavailableError
from hathi.server.grpc.stalls import Stalls, StreamLimits, Track
from hathi.server.grpc.threads import ClassThreads

SPARE = 8
"""Threads that each class has beyond its limit, in which the calls that are too many are refused."""

ROOM_SECONDS = 5
"""How long a call waits for a place that will be free soon."""


@dataclass(frozen=True, slots=True)
class CallClass:
    """What calls of one kind may hold.

    name: of its threads. calls: what its calls are, in words for messages. limit: calls at work at a time; more of
    them queue where `queues`, and are refused otherwise. share: at most so many of one connection. waits, waits_share:
    the same for calls that wait inside `Admission.waiting`, which do not count as calls at work. refusal: what is
    raised beyond the limits; workers ask again by themselves when the server is unavailable.
    """

    name: str
    calls: str
    limit: int
    share: int
    queues: bool = False
    waits: int = 0
    waits_share: int = 0
    refusal: type[HathiError] = ExhaustedError


HEALTH = CallClass("health", "health checks", 8, 4, queues=True)
CONTROL = CallClass("control", "calls", 128, 96, queues=True)
LISTINGS = CallClass("listings", "listings", 64, 48, queues=True)
WORKERS = CallClass("workers", "calls of workers", 64, 48, queues=True, refusal=UnavailableError)
WORKER_STREAMS = CallClass(
    "worker-streams", "objects read or written by workers", 64, 48, queues=True, refusal=UnavailableError
)
WORKER_WAITS = CallClass(
    "worker-waits",
    "workers that wait for work",
    16,
    8,
    queues=True,
    waits=256,
    waits_share=128,
    refusal=UnavailableError,
)
UPLOADS = CallClass("uploads", "uploads", 128, 64)
DOWNLOADS = CallClass("downloads", "downloads", 128, 64)
WAITS = CallClass("waits", "calls that wait", 64, 48, queues=True, waits=512, waits_share=320)

CLASSES = (HEALTH, CONTROL, LISTINGS, WORKERS, WORKER_STREAMS, WORKER_WAITS, UPLOADS, DOWNLOADS, WAITS)

_SERVICES = {"hathi_v1.Workers": WORKERS}
_METHODS = {
    "grpc.health.v1.Health/Check": HEALTH,
    "grpc.health.v1.Health/Watch": WAITS,
    "hathi_v1.Workers/Claim": WORKER_WAITS,
    "hathi_v1.Workers/ReadObject": WORKER_STREAMS,
    "hathi_v1.Workers/WriteObject": WORKER_STREAMS,
    "hathi_v1.Files/Get": DOWNLOADS,
    "hathi_v1.Storage/Collect": WAITS,
    "pfs_v2.API/GetFile": DOWNLOADS,
    "pfs_v2.API/GetFileTAR": DOWNLOADS,
    "pfs_v2.API/InspectCommit": WAITS,
    "pfs_v2.API/InspectCommitSet": WAITS,
    "pfs_v2.API/SubscribeCommit": WAITS,
    "pps_v2.API/InspectJob": WAITS,
    "pps_v2.API/InspectJobSet": WAITS,
    "pps_v2.API/SubscribeJob": WAITS,
    "pps_v2.API/GetLogs": WAITS,
}


def class_of(method: str, *, client_streaming: bool, server_streaming: bool) -> CallClass:
    """Return the class of a method, which is named `package.Service/Method`."""
    found = _METHODS.get(method) or _SERVICES.get(method.partition("/")[0])
    if found is not None:
        return found
    if client_streaming:
        return UPLOADS
    return LISTINGS if server_streaming else CONTROL


class _Places:
    """Places in a class: so many in all, and so many for one connection. Guarded by the admission's lock."""

    def __init__(self, kind: CallClass, limit: int | None, share: int) -> None:
        """limit: None for no limit in all."""
        self._calls = kind.calls
        self._refusal = kind.refusal
        self._limit = limit
        self._share = share
        self._taken: Counter[str] = Counter()
        self._total = 0

    @property
    def full(self) -> bool:
        return self._limit is not None and self._total >= self._limit

    def fits(self, peer: str) -> bool:
        return not self.full and self._taken[peer] < self._share

    def take(self, peer: str) -> None:
        """Take a place; raises the class's refusal when all are taken, or the connection has its share already."""
        if self._taken[peer] >= self._share:
            raise self._refusal(
                f"too many {self._calls} at a time on one connection: the limit is {self._share}; try again later"
            )
        if self.full:
            raise self._refusal(f"too many {self._calls} at a time: the limit is {self._limit}; try again later")
        self.take_again(peer)

    def take_again(self, peer: str) -> None:
        """Take a place that was given back, beyond the limit if need be."""
        self._taken[peer] += 1
        self._total += 1

    def give_back(self, peer: str) -> None:
        self._total -= 1
        self._taken[peer] -= 1
        if not self._taken[peer]:
            del self._taken[peer]


class Admission:
    """Counts calls by class, and ends waits when the server stops. Thread-safe."""

    def __init__(self, classes: tuple[CallClass, ...] = CLASSES, limits: StreamLimits | None = None) -> None:
        """classes: by name, with limits other than the usual ones perhaps. limits: of streams, in time."""
        self._classes: Mapping[str, CallClass] = {kind.name: kind for kind in classes}
        self._threads = {
            kind.name: ClassThreads(kind.limit + kind.waits + SPARE, f"grpc-{kind.name}") for kind in classes
        }
        self._working = {kind.name: _Places(kind, None if kind.queues else kind.limit, kind.share) for kind in classes}
        self._waiting = {kind.name: _Places(kind, kind.waits, kind.waits_share) for kind in classes}
        self._changed = threading.Condition()
        self._open: Counter[str] = Counter()
        self._wakes: dict[object, Callable[[], object]] = {}
        self.stalls = Stalls(limits or StreamLimits())
        self.stopping = False

    def threads(self, kind: CallClass) -> ThreadPoolExecutor:
        """Return the thread pool of a class."""
        return self._threads[kind.name]

    def wait_for_quiet(self, seconds: float) -> str:
        """Wait until no call is open; returns which are left, in words, or ""."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open, max(0.0, seconds))
            return ", ".join(f"{count} {self._classes[name].calls}" for name, count in self._open.items())

    @contextmanager
    def working(self, kind: CallClass, peer: str, track: Track) -> Iterator[None]:
        """Count the block as a call at work and watch its streams; raises the class's refusal when there are too many.

        peer: the client's connection.
        """
        places = self._working[kind.name]
        self._wait_for_place(kind, peer)
        with self._changed:
            places.take(peer)
            self._open[kind.name] += 1
        try:
            with self.stalls.watched(kind.name, peer, track):
                yield
        finally:
            with self._changed:
                places.give_back(peer)
                self._open[kind.name] -= 1
                if not self._open[kind.name]:
                    del self._open[kind.name]
                self._changed.notify_all()

    def _wait_for_place(self, kind: CallClass, peer: str) -> None:
        """Wait for a place that will be free soon: of a call that is ended to make room, or of a short one.

        The places of a connection whose calls send nothing will not be free soon.
        """
        places = self._working[kind.name]
        crowded = places.full or self._threads[kind.name].crowded
        if not (crowded and self.stalls.make_room(kind.name, peer)) and not kind.queues:
            return
        for _ in range(ROOM_SECONDS):
            with self._changed:
                if self._changed.wait_for(lambda: self.stopping or places.fits(peer), 1.0):
                    return
            if self.stalls.silent(kind.name, peer):
                return

    @contextmanager
    def waiting(self, kind: CallClass, peer: str) -> Iterator[None]:
        """Count the block, inside `working`, as one that waits; raises the class's refusal when too many do already."""
        if not self._classes[kind.name].waits:
            raise InternalError(f"{kind.calls} may not wait: their method belongs to another class")
        with self._changed:
            self._waiting[kind.name].take(peer)
            self._working[kind.name].give_back(peer)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waiting[kind.name].give_back(peer)
                self._working[kind.name].take_again(peer)
                self._changed.notify_all()

    def add_wake(self, wake: Callable[[], object]) -> Callable[[], None]:
        """Call `wake` when the server stops; returns what forgets it."""
        key = object()
        with self._changed:
            self._wakes[key] = wake
        if self.stopping:
            wake()

        def forget() -> None:
            with self._changed:
                self._wakes.pop(key, None)

        return forget

    def stop(self) -> None:
        """End every wait."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()
            wakes = tuple(self._wakes.values())
        for wake in wakes:
            wake()
        self.stalls.close()

    def close(self) -> None:
        """Let the threads of all classes end."""
        for threads in self._threads.values():
            threads.shutdown()
