"""Points in time and lengths of time as people read them: roughly and relative to now, or in full."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

MINUTE, HOUR, DAY = 60, 3600, 86400


class Moment(Protocol):
    """A point in time as protobuf's Timestamp has it."""

    seconds: int
    nanos: int


def seconds(moment: Moment) -> float:
    """Return seconds since the epoch."""
    return moment.seconds + moment.nanos / 1e9


def rough(length: float) -> str:
    """Return a length of time in seconds as people say it, e.g. `3 minutes`; the wording is the original's."""
    if length < 1:
        return "Less than a second"
    if length < MINUTE:
        return "1 second" if int(length) == 1 else f"{int(length)} seconds"
    if length < HOUR:
        minutes = int(length / MINUTE)
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = int(length / HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 14:
        return f"{hours // 24} days"
    if hours < 24 * 60:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(length / DAY / 365)} years"


def ago(moment: Moment, *, full: bool = False, now: float | None = None) -> str:
    """Return a point in time: how long ago it was, or in full (RFC 3339, local)."""
    at = seconds(moment)
    if full:
        return datetime.fromtimestamp(int(at), UTC).astimezone().isoformat().replace("+00:00", "Z")
    return f"{rough((time.time() if now is None else now) - at)} ago"


def between(start: Moment, end: Moment | None, *, now: float | None = None) -> str:
    """Return how long something took, or takes so far when it has no end."""
    stop = seconds(end) if end is not None else (time.time() if now is None else now)
    return rough(stop - seconds(start))


def exact(length: float) -> str:
    """Return a length of time in seconds as Go writes it, e.g. `1m30s`; small ones in ms."""
    if length == 0:
        return "0s"
    if length < 1:
        return f"{length * 1000:.6g}ms"
    hours, rest = divmod(length, HOUR)
    minutes, left = divmod(rest, MINUTE)
    text = f"{left:.9g}s"
    if hours or minutes:
        text = f"{int(minutes)}m{text}"
    return f"{int(hours)}h{text}" if hours else text
