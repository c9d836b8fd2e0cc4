"""How a plan is cut into datum sets: small enough to share out, large enough to be worth a report.

The size follows the spec's `datum_set_spec`. Where that says nothing, sets shrink as the plan runs out: each takes the
same part of what is left, so that whoever is slower, or was late, costs the others little waiting at the end. How
much is left is known as far as the plan was looked at, which is `WINDOW` ahead. The cut depends on the plan alone:
after a crash the same plan is cut in the same places, and goes on after the last set that was kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from hathi.pipelines.planning.steps import Adopt, Drop, Run, Step

LARGEST = 5_000
"""Datums in a set at most: so that a set's row stays in the low megabytes, and a lost worker costs little."""

WINDOW = 20_000
"""Datums looked at before the size of sets is chosen; they stand in memory."""

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


def batches(steps: Iterator[Step], rule: BatchRule) -> Iterator[Batch]:
    """Yield the steps of a plan in sets of one kind, each set in the plan's order."""
    ahead = _Ahead(steps)
    size_of = _sizes(rule, ahead.runs)
    runs: list[Run] = []
    adopts: list[Adopt] = []
    drops: list[Drop] = []
    number = size = 0
    for step in ahead:
        if isinstance(step, Run):
            if not runs:
                number = size_of(ahead.runs + 1)
            runs.append(step)
            size += sum(part.size for part in step.inputs)
            if len(runs) == number or (rule.size_bytes and size >= rule.size_bytes):
                yield runs
                runs, size = [], 0
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
        self._seen = deque(islice(steps, WINDOW))
        self.runs = sum(isinstance(step, Run) for step in self._seen)

    def __iter__(self) -> Iterator[Step]:
        while self._seen:
            step = self._seen.popleft()
            self.runs -= isinstance(step, Run)
            for following in islice(self._steps, 1):
                self._seen.append(following)
                self.runs += isinstance(following, Run)
            yield step


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
