"""How the workers that one machine can run are shared out among groups: one for each first, then evenly."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WORKERS_PER_PROCESSOR = 32
"""An idle worker costs no processor time, and most commands wait now and then."""

WORKER_MEMORY = 192 << 20
"""Bytes of memory for each worker: what its process takes, and as much again for what it runs."""

FEWEST = 8

_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container reads how much memory it may use."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a group would have. wanted: workers. busy: it has work for them."""

    key: str
    wanted: int
    busy: bool = True


def shares(demands: Iterable[Demand], bound: int) -> dict[str, int]:
    """Return how many workers each group may have, `bound` in all.

    Each gets one, those with work first and otherwise in the order given, as far as they go. The rest is shared out
    evenly to those with work, up to what they want, and what these leave to the others.
    """
    ordered = [demand for demand in demands if demand.wanted > 0]
    busy = [demand for demand in ordered if demand.busy]
    idle = [demand for demand in ordered if not demand.busy]
    given = {demand.key: 1 for demand in [*busy, *idle][:bound]}
    left = bound - len(given)
    for these in (busy, idle):
        wanted = [demand.wanted - 1 for demand in these if demand.key in given]
        for demand, more in zip([each for each in these if each.key in given], even(wanted, left), strict=True):
            given[demand.key] += more
            left -= more
    return given


def even(wanted: Sequence[int], total: int) -> list[int]:
    """Share out a total evenly: nobody gets more than wanted, and who gets less gets at most one less than any other.

    The odd ones go to those who come first.
    """
    given = [0] * len(wanted)
    ordered = sorted(range(len(wanted)), key=lambda each: wanted[each])
    for place, each in enumerate(ordered):
        level, odd = divmod(total, len(ordered) - place)
        if wanted[each] > level:
            for number, one in enumerate(sorted(ordered[place:])):
                given[one] = level + (number < odd)
            break
        given[each] = wanted[each]
        total -= wanted[each]
    return given


def most_workers() -> int:
    """Return how many workers this machine runs well, from its processors and its memory."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = min(_memory_limits(), default=0)
    return max(FEWEST, min(processors * WORKERS_PER_PROCESSOR, memory // WORKER_MEMORY))


def _memory_limits() -> Iterator[int]:
    yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _MEMORY_LIMITS:
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            yield int(text)
