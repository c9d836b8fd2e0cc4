"""Logs: lines that workers append, kept in segments by (pipeline, worker), read with filters, live or later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hathi.metadata.feed import Feed
from hathi.model.pps import LogMessage
from hathi.model.references import Pipeline
from hathi.storage.segments import SegmentLog


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines: all that is given must fit.

    job, datum: ids. inputs: each must be a path or content hash (hex) of the datum's inputs. since: not older.
    tail: only the last so many of each worker, 0 means all. master: lines of the controllers instead of workers'.
    """

    pipeline: Pipeline
    job: str = ""
    datum: str = ""
    inputs: tuple[str, ...] = ()
    since: datetime | None = None
    tail: int = 0
    master: bool = False


class Logs:
    """The logs of every pipeline. Safe to use from any thread."""

    def __init__(self, segments: SegmentLog, feed: Feed) -> None:
        """segments: where lines are kept. feed: tells followers on `logs/<project>/<pipeline>`."""
        raise NotImplementedError

    def append(self, pipeline: Pipeline, worker: str, lines: Sequence[LogMessage]) -> None:
        """Store lines in the order they come; they are readable when this returns."""
        raise NotImplementedError

    def get(self, wanted: LogFilter) -> Iterator[LogMessage]:
        """Yield the lines there are, by time."""
        raise NotImplementedError

    def follow(self, wanted: LogFilter, cancelled: Callable[[], bool]) -> Iterator[LogMessage]:
        """Yield as `get` does, and then each new line as it comes, until `cancelled`."""
        raise NotImplementedError

    def delete(self, pipeline: Pipeline) -> None:
        """Forget a pipeline's lines."""
        raise NotImplementedError
