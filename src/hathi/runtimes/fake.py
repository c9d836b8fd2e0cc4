"""A runtime without workers: groups exist because somebody said so, and tests decide what becomes of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hathi.runtimes.interface import GroupStatus, WorkerGroup


class FakeRuntime:
    """A `Runtime` in memory. Declared workers are ready at once, unless `hold` is set or `fail` was called."""

    name = "fake"

    def __init__(self, problem: str = "", *, hold: bool = False) -> None:
        """problem: what `check` answers. hold: workers are not ready until `become_ready`."""
        self.problem = problem
        self.hold = hold
        self.groups: dict[str, WorkerGroup] = {}
        self.closed = False
        self._statuses: dict[str, GroupStatus] = {}
        self._notify: list[Callable[[str], None]] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"FakeRuntime({', '.join(f'{key}: {s.ready}/{s.wanted}' for key, s in self._statuses.items())})"

    def check(self) -> str:
        """Return the problem given."""
        return self.problem

    def engine(self) -> str:
        """Return that there is none."""
        return ""

    def unenforced(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Return that everything is."""
        return ()

    def ensure(self, group: WorkerGroup) -> None:
        """Declare a group."""
        with self._lock:
            if self.closed:
                return
            before = self._statuses.get(group.key, GroupStatus(0, 0))
            ready = min(before.ready, group.scale) if self.hold or before.problem else group.scale
            self.groups[group.key] = group
            self._statuses[group.key] = replace(before, wanted=group.scale, ready=ready, busy=group.busy)
        self._changed(group.key)

    def remove(self, key: str) -> None:
        """Forget a group."""
        with self._lock:
            known = self.groups.pop(key, None)
            self._statuses.pop(key, None)
        if known is not None:
            self._changed(key)

    def observe(self) -> Mapping[str, GroupStatus]:
        """Return what is true of each group."""
        with self._lock:
            return dict(self._statuses)

    def on_change(self, notify: Callable[[str], None]) -> None:
        """Call `notify(key)` at each change."""
        self._notify.append(notify)

    def close(self) -> None:
        """Forget every group."""
        with self._lock:
            self.closed = True
            self.groups.clear()
            self._statuses.clear()

    def become_ready(self, key: str) -> None:
        """Make all workers of a group ready, and forget its problem."""
        with self._lock:
            self._statuses[key] = replace(self._statuses[key], ready=self._statuses[key].wanted, problem="")
        self._changed(key)

    def fail(self, key: str, problem: str) -> None:
        """Let all workers of a group die for a reason, as if started again in vain."""
        with self._lock:
            before = self._statuses[key]
            self._statuses[key] = replace(before, ready=0, problem=problem, restarts=before.restarts + 1)
        self._changed(key)

    def withhold(self, key: str, waiting: str) -> None:
        """Let a group have no worker for a reason, or as many as it wants when there is none."""
        with self._lock:
            before = self._statuses.get(key, GroupStatus(0, 0))
            self._statuses[key] = replace(before, ready=0, granted=0 if waiting else None, waiting=waiting)
        self._changed(key)

    def living(self, key: str, *workers: str) -> None:
        """Say which workers of a group live; until then it is unknown."""
        with self._lock:
            self._statuses[key] = replace(self._statuses[key], workers=frozenset(workers))
        self._changed(key)

    def _changed(self, key: str) -> None:
        for notify in list(self._notify):
            notify(key)
