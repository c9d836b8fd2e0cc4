"""How a plan is cut into datum sets: small enough to share out, large enough to be worth a report.

The size follows the spec's `datum_set_spec`. Where that says nothing, sets shrink as the plan runs out: each takes the
same part of what is left, so that whoever is slower, or was late, costs the others little waiting at the end. How
much is left is known as far as the plan was looked at, which is `WINDOW` ahead. Sets are bounded in bytes as well: a
set is one row, and travels in messages. The cut depends on the plan alone: after a crash the same plan is cut in the
same places, and goes on after the last set that was kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hathi.pipelines.planning.steps import Adopt, Drop, Run, Step
from hathi.storage.filesets.datum_inputs import inline_weight, weight

LARGEST = 5_000
"""Datums in a set at most, so that a lost worker costs little."""

SET_BYTES = 4 << 20
"""Bytes of a set's payload at most, about, before compression; a set has one datum at least."""

HEAVY_BYTES = 32 << 20
"""Bytes of inputs, be they in the payload or in trees, beyond which a set takes no further datum."""

WINDOW = 20_000
"""Datums looked at before the size of sets is chosen; they are in memory."""

WINDOW_BYTES = 64 << 20
"""And bytes of them at most, about."""

_DATUM_BYTES = 300
"""What a datum takes in a set besides its inputs, about."""

ROUNDS = 3
"""A set holds one in so many of the datums left for a worker: who takes three times as long is no later than all."""

CRUMBS = 32
"""And no fewer than one in so many of a worker's share: smaller sets cost more than they even out."""


@dataclass(frozen=True, slots=True)
class BatchRule:
    """number, size_bytes: of a set, 0 means not given. workers: how many there are. per_worker: sets for each, of one
    size; 0 means not given.
    """

    number: int = 0
    size_bytes: int = 0
    workers: int = 1
    per_worker: int = 0

    @property
    def shrinking(self) -> bool:
        """Whether sets shrink as the plan runs out: nothing is given."""
        return not (self.number or self.size_bytes or self.per_worker)


Batch = list[Run] | list[Adopt] | list[Drop]
"""Steps of one kind, at least one."""


def packed_bytes(run: Run) -> int:
    """Return about how many bytes a datum takes in a set's payload, before compression."""
    return _DATUM_BYTES + inline_weight(run.inputs)


def batches(steps: Iterator[Step], rule: BatchRule) -> Iterator[Batch]:
    """Yield the steps of a plan in sets of one kind, each set in the plan's order."""
    ahead = _Ahead(steps)
    size_of = _sizes(rule, ahead.runs)
    runs: list[Run] = []
    adopts: list[Adopt] = []
    drops: list[Drop] = []
    number = size = held = heavy = 0
    for step in ahead:
        if isinstance(step, Run):
            if runs and (held + packed_bytes(step) > SET_BYTES or heavy >= HEAVY_BYTES):
                yield runs
                runs = []
            if not runs:
                number, size, held, heavy = size_of(ahead.runs + 1), 0, 0, 0
            runs.append(step)
            held += packed_bytes(step)
            heavy += weight(step.inputs)
            size += sum(part.size for part in step.inputs)
            if len(runs) == number or (rule.size_bytes and size >= rule.size_bytes):
                yield runs
                runs = []
        elif isinstance(step, Adopt):
            adopts.append(step)
            if len(adopts) == LARGEST:
                yield adopts
                adopts = []
        else:
            drops.append(step)
            if len(drops) == LARGEST:
                yield drops
                drops = []
    for rest in (runs, adopts, drops):
        if rest:
            yield rest


class _Ahead:
    """Steps, looked at `WINDOW` ahead. runs: how many of those seen and not yet given are to be run."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._seen: deque[tuple[Step, int]] = deque()
        self._bytes = 0
        self.runs = 0
        self._fill()

    def __iter__(self) -> Iterator[Step]:
        while self._seen:
            step, taken = self._seen.popleft()
            self._bytes -= taken
            self.runs -= isinstance(step, Run)
            self._fill()
            yield step

    def _fill(self) -> None:
        """Look as far ahead as the window goes, and one step at least."""
        while not self._seen or (len(self._seen) < WINDOW and self._bytes < WINDOW_BYTES):
            step = next(self._steps, None)
            if step is None:
                return
            taken = _DATUM_BYTES + (weight(step.inputs) if isinstance(step, Run) else 0)
            self._seen.append((step, taken))
            self._bytes += taken
            self.runs += isinstance(step, Run)


def _sizes(rule: BatchRule, runs: int) -> Callable[[int], int]:
    """Return what tells the datums of the next set, given how many are left. runs: how many there are at first."""
    if rule.number or rule.size_bytes:
        fixed = rule.number or LARGEST
        return lambda left: min(fixed, LARGEST)
    workers = max(rule.workers, 1)
    if rule.per_worker:
        part = max(runs // (workers * rule.per_worker), 1)
        return lambda left: min(part, LARGEST)
    crumb = max(runs // (workers * CRUMBS), 1)
    return lambda left: min(max(left // (workers * ROUNDS), crumb), LARGEST)
