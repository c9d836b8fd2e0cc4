"""Workers that somebody else starts, wherever the server can be reached: `hathi-worker --pipeline NAME`.

Nothing is started or stopped here. A worker is there while it waits for work, and for a while after each sign of life
of one that works; the server's door tells both. Who holds what when it dies cannot be known: claims lapse by time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from hathi.runtimes.interface import GroupStatus, WorkerGroup
from hathi.supervision import Supervisor

SILENT_SECONDS = 30.0
"""How long a worker that does not wait for work counts after its last sign of life: as long as its claim lives."""


_EVERYBODY = "everybody"
"""The one key of what looks for workers that are silent."""


class ExternalRuntime:
    """A `Runtime` of workers that come by themselves; safe to call from any thread."""

    name = "external"

    def __init__(self, clock: Callable[[], float] = time.monotonic, supervisor: Supervisor | None = None) -> None:
        """clock: in seconds."""
        self._clock = clock
        self._groups: dict[str, WorkerGroup] = {}
        self._workers: dict[str, tuple[str, float]] = {}  # by name: pipeline, and until when it counts
        self._notify: list[Callable[[str], None]] = []
        self._changed = threading.Condition()
        self._looks = (supervisor or Supervisor()).queue("external workers", self._look)
        self._looks.start()

    def check(self) -> str:
        """Return "": whether workers can run is not known here."""
        return ""

    def engine(self) -> str:
        """Return "": which engine workers have, if any, is not known here."""
        return ""

    def unenforced(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Return that no limit is, when there is one: it is that of the machine or container of the workers."""
        return ["resource_limits are not enforced: give them to the workers' own machines"] if resources else []

    def ensure(self, group: WorkerGroup) -> None:
        """Take note of the group."""
        with self._changed:
            self._groups[group.key] = group
        self._tell(_pipeline(group.key))

    def remove(self, key: str) -> None:
        """Forget the group; its workers wait on, for the pipeline's next version."""
        with self._changed:
            self._groups.pop(key, None)

    def observe(self) -> Mapping[str, GroupStatus]:
        """Return what is true of each group, by key."""
        with self._changed:
            return {key: self._status(group) for key, group in self._groups.items()}

    def on_change(self, notify: Callable[[str], None]) -> None:
        """Call `notify(key)` whenever what `observe` tells of a group changes."""
        self._notify.append(notify)

    def close(self) -> None:
        """Forget everything; the workers wait for the next server."""
        with self._changed:
            self._groups.clear()
        self._looks.stop()

    def waits(self, group: str, worker: str) -> None:
        """A worker has asked for work; `group` is a pipeline's or one of its versions'."""
        self._seen(worker, _pipeline(group), inf)

    def works(self, worker: str) -> None:
        """A worker that has asked before has its answer, or says that it still works."""
        with self._changed:
            known = self._workers.get(worker)
        if known is not None:
            self._seen(worker, known[0], self._clock() + SILENT_SECONDS)

    def left(self, worker: str) -> None:
        """A worker went away while it waited."""
        with self._changed:
            known = self._workers.pop(worker, None)
        if known is not None:
            self._tell(known[0])

    def forget_the_silent(self) -> float | None:
        """Drop workers whose time is up; returns in how many seconds that of the next one may be, None when never."""
        with self._changed:
            now = self._clock()
            silent = {name: pipeline for name, (pipeline, until) in self._workers.items() if until <= now}
            for name in silent:
                del self._workers[name]
            next_end = min((until for _, until in self._workers.values()), default=inf)
        for pipeline in set(silent.values()):
            self._tell(pipeline)
        return None if next_end == inf else next_end - now

    def _seen(self, worker: str, pipeline: str, until: float) -> None:
        with self._changed:
            new = worker not in self._workers
            self._workers[worker] = (pipeline, until)
        self._looks.add(_EVERYBODY)
        if new:
            self._tell(pipeline)

    def _look(self, key: str) -> datetime | None:
        seconds = self.forget_the_silent()
        return None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)

    def _status(self, group: WorkerGroup) -> GroupStatus:
        pipeline = _pipeline(group.key)
        ready = sum(where == pipeline for where, _ in self._workers.values())
        problem = "" if ready else f"no worker asks for work: start some with hathi-worker --pipeline {pipeline}"
        return GroupStatus(wanted=group.scale, ready=ready, problem=problem, busy=group.busy)

    def _tell(self, pipeline: str) -> None:
        with self._changed:
            keys = [key for key in self._groups if _pipeline(key) == pipeline]
        for key in keys:
            for notify in list(self._notify):
                notify(key)


def _pipeline(group: str) -> str:
    """Return `project/pipeline` of a group's key."""
    return "/".join(group.split("/")[:2])
