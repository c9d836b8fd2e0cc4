"""The control group that the processes of one worker's user code are in: how to enter it, and what it has stopped.

Who owns the worker makes it and gives it its limits; here it is only joined, by the shim, and read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hathi.datum.frames import Outcome

_MEMORY_EVENTS = ("memory.events", "memory.oom_control")
"""Where a group tells how many of its processes were killed for memory: version 2, and 1. Both have it in a line."""

_MEMORY_LIMITS = ("memory.max", "memory.limit_in_bytes")

_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class Counts:
    """killed: processes that were ended for memory. refused: attempts to start one too many."""

    killed: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Cgroup:
    """folders: of the group, one in the unified hierarchy or one for each controller; none when there is no group."""

    folders: tuple[Path, ...] = ()

    def options(self) -> list[str]:
        """Return it as options of the shim, which are those of a worker as well."""
        return [word for folder in self.folders for word in ("--cgroup", str(folder))]

    def counts(self) -> Counts:
        """Return what it has stopped so far."""
        killed = counter(self._texts(_MEMORY_EVENTS), "oom_kill")
        return Counts(killed, counter(self._texts(("pids.events",)), "max"))

    def explained(self, outcome: Outcome, before: Counts) -> Outcome:
        """Return how a run ended, with what the group did to it since `before`."""
        if ended_well(outcome):
            return outcome
        now = self.counts()
        if now.killed > before.killed:
            outcome = replace(outcome, memory=self.memory_limit())
        if now.refused > before.refused:
            outcome = replace(outcome, processes=next(self._texts(("pids.max",)), "").strip())
        return outcome

    def memory_limit(self) -> str:
        """Return how much memory its processes may use, in words."""
        return memory_limit_in(next(self._texts(_MEMORY_LIMITS), ""))

    def _texts(self, names: tuple[str, ...]) -> Iterator[str]:
        for folder in self.folders:
            for name in names:
                with contextlib.suppress(OSError):
                    yield (folder / name).read_text()


def counter(texts: Iterator[str], name: str) -> int:
    """Return the number that follows a name in the first of some files of counters that has it, else 0."""
    for text in texts:
        for line in text.splitlines():
            found, _, number = line.partition(" ")
            if found == name and number.isdigit():
                return int(number)
    return 0


def memory_limit_in(text: str) -> str:
    """Return what a group's file says of its limit, in words."""
    text = text.strip()
    limited = text.isdigit() and int(text) < _NO_LIMIT
    return f"its limit of {human(int(text))}" if limited else "the machine has"


def ended_well(outcome: Outcome) -> bool:
    """Return whether there is nothing that a limit could explain."""
    return outcome.code == 0 or bool(outcome.error) or outcome.timed_out or outcome.killed


def human(size: int) -> str:
    """Return a size in the largest unit that says it exactly."""
    units = ["bytes", "KiB", "MiB", "GiB"]
    while size and size % 1024 == 0 and len(units) > 1:
        size //= 1024
        units.pop(0)
    return f"{size} {units[0]}"
