"""How a plan is cut into datum sets: small enough to share out, large enough to be worth a report.

The size follows the spec's `datum_set_spec`. Where that says nothing, each worker should get a few sets; how many
datums there are shows only at the end, so the first `WINDOW` of them decide. The cut depends on the plan alone: after
a crash the same plan is cut in the same places, and goes on after the last set that was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from hathi.pipelines.planning.steps import Adopt, Drop, Run, Step

LARGEST = 5_000
"""Datums in a set at most: so that a set's row stays in the low megabytes, and a lost worker costs little."""

WINDOW = 20_000
"""Datums looked at before the size of sets is chosen; they stand in memory."""


@dataclass(frozen=True, slots=True)
class BatchRule:
    """number, size_bytes: of a set, 0 means not given. slots: workers times sets for each (`per_worker`, 4 when 0)."""

    number: int = 0
    size_bytes: int = 0
    slots: int = 4


Batch = list[Run] | list[Adopt] | list[Drop]
"""Steps of one kind, at least one."""


def batches(steps: Iterator[Step], rule: BatchRule) -> Iterator[Batch]:
    """Yield the steps of a plan in sets of one kind, each set in the plan's order."""
    window = list(islice(steps, WINDOW))
    number = rule.number or (LARGEST if rule.size_bytes else len(window) // max(rule.slots, 1))
    number = min(max(number, 1), LARGEST)
    runs: list[Run] = []
    adopts: list[Adopt] = []
    drops: list[Drop] = []
    size = 0
    for step in chain(window, steps):
        if isinstance(step, Run):
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
