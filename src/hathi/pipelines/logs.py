"""Logs: lines that workers append, kept in segments by (pipeline, worker), read with filters, live or later.

One stream for each worker keeps appending cheap and its lines in order; a reader merges the streams by time.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hathi.metadata.feed import Feed
from hathi.model.pps import LogMessage
from hathi.model.references import Pipeline
from hathi.pipelines.waiting import Cancelled, OnLeave, listen, never
from hathi.storage.segments import SegmentLog

MASTER = "master"
"""Name of the stream that holds the controllers' lines."""


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

    def fits(self, line: LogMessage) -> bool:
        """Return whether a line is one of those wanted."""
        return (
            line.master == self.master
            and self.job in ("", line.job)
            and self.datum in ("", line.datum)
            and set(self.inputs) <= set(line.inputs)
            and (self.since is None or line.time >= self.since)
        )


class Logs:
    """The logs of every pipeline. Safe to use from any thread."""

    def __init__(self, segments: SegmentLog, feed: Feed) -> None:
        """segments: where lines are kept. feed: tells followers on `logs/<project>/<pipeline>`."""
        self._segments = segments
        self._feed = feed

    def append(self, pipeline: Pipeline, worker: str, lines: Sequence[LogMessage]) -> None:
        """Store lines in the order they come; they are readable when this returns."""
        if lines:
            self._segments.append(f"{_prefix(pipeline)}/{worker}", [_encode(line) for line in lines])
            self._feed.publish(_topic(pipeline))

    def append_master(self, pipeline: Pipeline, time: datetime, message: str, job: str = "") -> None:
        """Store a line of the controllers."""
        line = LogMessage(time, message, pipeline.project, pipeline.name, job, worker=MASTER, master=True)
        self.append(pipeline, MASTER, [line])

    def get(self, wanted: LogFilter) -> Iterator[LogMessage]:
        """Yield the lines there are, by time."""
        streams = self._segments.streams(_prefix(wanted.pipeline))
        yield from _by_time([self._last(self._read(stream, wanted, {}), wanted) for stream in streams])

    def follow(
        self, wanted: LogFilter, cancelled: Cancelled = never, on_leave: OnLeave | None = None
    ) -> Iterator[LogMessage]:
        """Yield as `get` does, and then each new line as it comes, until the client leaves (WaitEnded)."""
        positions: dict[str, int] = {}
        known = False
        with listen(self._feed, _topic(wanted.pipeline), cancelled=cancelled, on_leave=on_leave) as pause:
            while True:
                streams = list(self._segments.streams(_prefix(wanted.pipeline)))
                fresh = [self._read(stream, wanted, positions) for stream in streams]
                yield from _by_time(fresh if known else [self._last(lines, wanted) for lines in fresh])
                known = True
                pause()

    def delete(self, pipeline: Pipeline) -> None:
        """Forget a pipeline's lines."""
        self._segments.delete(_prefix(pipeline))

    def _read(self, stream: str, wanted: LogFilter, positions: dict[str, int]) -> Iterator[LogMessage]:
        """Yield the lines wanted behind where the stream was read last, which `positions` remembers."""
        for position, record in self._segments.read(stream, positions.get(stream, 0)):
            positions[stream] = position
            line = _decode(record)
            if wanted.fits(line):
                yield line

    def _last(self, lines: Iterator[LogMessage], wanted: LogFilter) -> Iterable[LogMessage]:
        return deque(lines, wanted.tail) if wanted.tail else lines


def _by_time(streams: Sequence[Iterable[LogMessage]]) -> Iterator[LogMessage]:
    return iter(heapq.merge(*streams, key=lambda line: line.time))


def _prefix(pipeline: Pipeline) -> str:
    return f"{pipeline.project}/{pipeline.name}"


def _topic(pipeline: Pipeline) -> str:
    return f"logs/{pipeline.project}/{pipeline.name}"


def _encode(line: LogMessage) -> bytes:
    fields = [
        line.time.timestamp(),
        line.message,
        line.project,
        line.pipeline,
        line.job,
        line.datum,
        line.worker,
        line.attempt,
        line.user,
        line.master,
        line.stderr,
        line.inputs,
    ]
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def _decode(record: bytes) -> LogMessage:
    time, *fields = json.loads(record)
    fields[-1] = tuple(fields[-1])
    return LogMessage(datetime.fromtimestamp(time, UTC), *fields)
