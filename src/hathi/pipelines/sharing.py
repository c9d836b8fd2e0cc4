"""Who leaves the rest of a job to others: a worker that had its share, while those that had not will soon be done.

Workers on one machine are never quite equally fast, and who is ahead would take the last sets too. To let the others
have them costs a moment at most, and shares come out even where datums are. Nothing is left to a worker that holds no
set now: it may be dead, or not born yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SOON = 0.5
"""The others will soon be done when what is left is no more than this part of what they had so far."""

PATIENCE = 1 / 8
"""For how long the rest is left to them, as a part of the time that the job has run; LONGEST at most."""

LONGEST = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker had of a job. datums: in sets that it has done or holds. at_work: it holds one."""

    worker: str
    datums: int
    at_work: bool


def leaves(worker: str, parts: Sequence[Part], left: int, workers: int) -> bool:
    """Return whether a worker leaves what is left of a job to the others.

    left: datums that nobody holds. workers: how many there should be.
    """
    share = (left + sum(part.datums for part in parts)) / workers
    had = next((part.datums for part in parts if part.worker == worker), 0)
    if had < share:
        return False
    behind = sum(part.datums for part in parts if part.at_work and part.datums < share and part.worker != worker)
    return left <= behind * SOON


def patience(started: datetime | None, now: datetime) -> timedelta:
    """Return for how long a worker leaves the rest of a job that was started then."""
    return min((now - (started or now)) * PATIENCE, LONGEST)
