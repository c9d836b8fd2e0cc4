"""When garbage is collected: whenever enough is likely to come free, at an interval, and at once when somebody asks.

A collection is worked on in slices, from a background task, so that it never holds a thread while it waits for others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hathi.model.errors import HathiError, InternalError
from hathi.model.packs import Usage
from hathi.storage.garbage.collection import Collection, Outcome, Phase

SLICE_SECONDS = 0.5
"""How long one call of `tick` works when somebody waits for the collection."""

QUIET = 0.2
"""The part of that for which it works when nobody does, since others want the processor, too."""

WORTH_IT = 0.05
"""Share of the stored bytes that is likely to be garbage when a collection begins without waiting for the interval."""

WORTH_IT_BYTES = 1 << 30
"""Bytes of likely garbage that are worth it in any case."""

PAUSE = timedelta(minutes=1)
"""Least time between two collections that nobody asked for."""


def due(usage: Usage, now: datetime, interval: timedelta) -> bool:
    """Return whether a collection should begin that nobody asked for. Pure.

    interval: most time between two collections while anything changes; zero: none begins by itself.
    """
    if not interval or not usage.changed:
        return False
    if usage.measured is None:
        return usage.stored > 0
    waited = now - usage.measured
    worth_it = usage.unused >= min(max(1, usage.stored * WORTH_IT), WORTH_IT_BYTES)
    return waited >= interval or (worth_it and waited >= min(PAUSE, interval))


@dataclass(frozen=True, slots=True)
class State:
    """How far the collections are. begun, ended: how many. phase: of the one at work, None when none is.

    outcome: of the last one that was carried through. failed, failure: which one was given up last, and why.
    """

    begun: int = 0
    ended: int = 0
    phase: Phase | None = None
    outcome: Outcome | None = None
    failed: int = 0
    failure: str = ""


class Scheduler:
    """Runs collections, one at a time. `tick` is for one thread, everything else for any.

    wake: what makes the next `tick` come now; the task that calls `tick` sets it.
    """

    def __init__(
        self,
        begin: Callable[[], Collection],
        is_due: Callable[[], bool],
        done: Callable[[Outcome], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        slice_seconds: float = SLICE_SECONDS,
    ) -> None:
        """Prepare.

        Args:
            begin: makes a collection.
            is_due: tells whether one should begin that nobody asked for; asked at each tick.
            done: takes down what a collection that has ended found and did.
            clock: seconds, to end a slice.
            slice_seconds: how long a slice is.
        """
        self._begin = begin
        self._is_due = is_due
        self._done = done
        self._clock = clock
        self._slice = slice_seconds
        self._changed = threading.Condition()
        self._state = State()
        self._wanted = 0  # so many collections are to be begun
        self._steps: Generator[Phase] | None = None
        self._collection: Collection | None = None
        self.wake: Callable[[], None] = lambda: None

    @property
    def state(self) -> State:
        """How far the collections are."""
        with self._changed:
            return self._state

    def request(self) -> int:
        """Ask for a collection that begins from now on; returns its number, for `follow`."""
        with self._changed:
            self._wanted = max(self._wanted, self._state.begun + 1)
            number = self._wanted
        self.wake()
        return number

    def follow(self, number: int, patience: float, cancelled: Callable[[], bool]) -> Iterator[State]:
        """Yield the state now and whenever it changes, or `patience` seconds have passed, until a collection has ended.

        Ends early when `cancelled` returns true. Raises InternalError when that collection was given up.
        """
        seen: State | None = None
        while not cancelled():
            with self._changed:
                if self._state == seen:
                    self._changed.wait(patience)
                seen = self._state
            if seen.ended >= number:
                if seen.failed == number:
                    raise InternalError(f"garbage collection was given up: {seen.failure}; it will be tried again")
                yield seen
                return
            yield seen

    def nudge(self) -> None:
        """Let everybody who follows look again, also whether he was cancelled."""
        with self._changed:
            self._changed.notify_all()

    def tick(self) -> bool:
        """Work for a slice; returns whether the next one should follow at once, because somebody asked."""
        if self._collection is None:
            if self._wanted <= self._state.begun and not self._is_due():
                return False
            self._collection = self._begin()
            self._steps = self._collection.steps()
            self._set(begun=self._state.begun + 1, phase=Phase.MARKING)
        try:
            waiting = self._work(self._collection)
        except BaseException as error:
            reason = error.message if isinstance(error, HathiError) else f"{type(error).__name__}: {error}"
            self.close(reason)
            raise
        return not waiting and (self._collection is not None or self._wanted > self._state.begun) and self._asked

    def close(self, reason: str = "the server stops") -> None:
        """Give up the collection that is at work, if one is. For the thread that calls `tick`, or after its end."""
        collection, self._collection = self._collection, None
        if collection is None:
            return
        if self._steps is not None:
            self._steps.close()
        collection.give_up()
        self._set(ended=self._state.begun, phase=None, failed=self._state.begun, failure=reason)

    @property
    def _asked(self) -> bool:
        """Whether somebody waits for a collection that is at work or to be begun."""
        return self._wanted >= self._state.begun

    def _work(self, collection: Collection) -> bool:
        """Do steps until the slice is over; returns whether there is nothing to do but to wait."""
        assert self._steps is not None
        until = self._clock() + self._slice * (1.0 if self._asked else QUIET)
        while (phase := next(self._steps, None)) is not None:
            self._set(phase=phase)
            if phase is Phase.WAITING:
                return True
            if self._clock() >= until:
                return False
        assert collection.outcome is not None
        self._done(collection.outcome)
        self._collection = self._steps = None
        self._set(ended=self._state.begun, phase=None, outcome=collection.outcome)
        return False

    def _set(self, **values: object) -> None:
        with self._changed:
            self._state = replace(self._state, **values)  # type: ignore[arg-type]
            self._changed.notify_all()
