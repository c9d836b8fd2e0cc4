"""Logs: lines that workers and controllers write, one stream for each pipeline, read with filters, live or later.

A stream is in the order in which lines arrived, which for each worker is the order of its lines. Readers see them by
time as far as they arrived near each other: each batch is at most a fraction of a second late. Lines carry the ids of
their job and datum and are found by these; what a datum reads is looked up when somebody asks (`pipelines.log_inputs`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from hathi.metadata.database import Database
from hathi.metadata.feed import Feed
from hathi.model.pps import LogMessage
from hathi.model.references import Pipeline
from hathi.pipelines.rows import pipelines
from hathi.pipelines.waiting import Cancelled, OnLeave, listen, never
from hathi.storage.segments import LogUnavailable, Record, SegmentLog

MASTER = "master"
"""What controllers' lines have as the name of their worker, and as a key."""

OWN = "pachd"
"""What the server's own lines have as the name of their worker. No project begins with the "@" of its stream."""

SORTED_LINES = 1_000
"""Lines that are held back to be put in order of time; a line that arrived later than these is out of order."""

SORTED_BYTES = 4 << 20
"""And bytes of them at most."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines: all that is given must fit.

    pipeline: whose; None for the server's own. job, datum: ids. since: not older.
    among: tells of a line whether it is wanted; asked last.
    tail: only the last so many of them, 0 means all. master: lines of the controllers instead of workers'.
    """

    pipeline: Pipeline | None
    job: str = ""
    datum: str = ""
    among: Callable[[LogMessage], bool] | None = None
    since: datetime | None = None
    tail: int = 0
    master: bool = False

    @property
    def key(self) -> str:
        """Under which key lines are looked up; "" means all of the pipeline."""
        return self.datum or self.job or (MASTER if self.master and self.pipeline else "")

    def fits(self, line: LogMessage) -> bool:
        """Return whether a line is one of those wanted."""
        return (
            (line.master == self.master or self.pipeline is None)
            and self.job in ("", line.job)
            and self.datum in ("", line.datum)
            and (self.since is None or line.time >= self.since)
            and (self.among is None or self.among(line))
        )


class Logs:
    """The logs of every pipeline. Safe to use from any thread."""

    def __init__(self, segments: SegmentLog, feed: Feed) -> None:
        """segments: where lines are kept. feed: tells followers on `logs/<project>/<pipeline>`."""
        self._segments = segments
        self._feed = feed

    def append(self, pipeline: Pipeline, lines: Sequence[LogMessage]) -> None:
        """Store lines in the order they come; they are readable when this returns."""
        if lines:
            self._segments.append(_stream(pipeline), [_encode(line) for line in lines])
            self._feed.publish(_topic(pipeline))

    def append_master(self, pipeline: Pipeline, time: datetime, message: str, job: str = "") -> None:
        """Store a line of the controllers, if the disk takes it: no controller may fail for want of its log."""
        line = LogMessage(time, message, pipeline.project, pipeline.name, job, worker=MASTER, master=True)
        with suppress(LogUnavailable):
            self.append(pipeline, [line])

    def append_own(self, time: datetime, message: str) -> None:
        """Store a line of the server's own log."""
        self._segments.append(_stream(None), [_encode(LogMessage(time, message, worker=OWN, master=True))])
        self._feed.publish(_topic(None))

    def get(self, wanted: LogFilter) -> Iterator[LogMessage]:
        """Yield the lines there are, by time."""
        yield from _by_time(line for _, line in self._read(wanted, self._start(wanted)))

    def follow(
        self, wanted: LogFilter, cancelled: Cancelled = never, on_leave: OnLeave | None = None
    ) -> Iterator[LogMessage]:
        """Yield as `get` does, and then each new line as it comes, until the client leaves (WaitEnded)."""
        position = -1
        with listen(self._feed, _topic(wanted.pipeline), cancelled=cancelled, on_leave=on_leave) as pause:
            while True:
                start = self._start(wanted) if position < 0 else position
                # What comes while we read is read now or the next time, and the end tells what need not be read again.
                position = max(self._segments.end(_stream(wanted.pipeline)), start)

                def fresh(start: int = start) -> Iterator[LogMessage]:
                    nonlocal position
                    for behind, line in self._read(wanted, start):
                        position = max(position, behind)
                        yield line

                yield from _by_time(fresh())
                pause()

    def prune(self, before: datetime, keep_bytes: int) -> int:
        """Delete what is too old or too much, and return how many bytes that freed.

        Args:
            before: Lines that are all older go, by the segment.
            keep_bytes: How much of each pipeline's log stays, about.
        """
        oldest = _nanoseconds(before)
        streams = list(self._segments.streams())
        return sum(self._segments.prune(stream, before=oldest, keep_bytes=keep_bytes) for stream in streams)

    def delete_unknown(self, database: Database) -> None:
        """Forget the lines of pipelines that do not exist: a worker may have had some left when its pipeline went."""
        for stream in list(self._segments.streams()):
            project, _, name = stream.partition("/")
            if name:
                pipeline = Pipeline(project, name)
                with database.read() as tx:
                    known = pipelines.find(tx, pipeline) is not None
                if not known:
                    self.delete(pipeline)

    def delete(self, pipeline: Pipeline) -> None:
        """Forget a pipeline's lines."""
        self._segments.delete(_stream(pipeline))

    def _start(self, wanted: LogFilter) -> int:
        """Return the position from which on there are as many wanted lines as the tail asks for."""
        if not wanted.tail:
            return 0
        start, missing = 0, wanted.tail
        options = {} if wanted.since is None else {"since": _nanoseconds(wanted.since)}
        for found in self._segments.read_back(_stream(wanted.pipeline), key=wanted.key, **options):
            if not missing:
                start = found.position  # behind this one
                break
            missing -= wanted.fits(_decode(wanted.pipeline, found.time, found.data))
        return start

    def _read(self, wanted: LogFilter, start: int) -> Iterator[tuple[int, LogMessage]]:
        """Yield the lines wanted from a position on, each with the position behind it, in the order of the stream."""
        options = {} if wanted.since is None else {"since": _nanoseconds(wanted.since)}
        for found in self._segments.read(_stream(wanted.pipeline), start, key=wanted.key, **options):
            line = _decode(wanted.pipeline, found.time, found.data)
            if wanted.fits(line):
                yield found.position, line


def _by_time(lines: Iterable[LogMessage]) -> Iterator[LogMessage]:
    """Put lines that are nearly in order of time in order, holding few of them."""
    held: list[tuple[datetime, int, LogMessage]] = []
    size = 0
    for number, line in enumerate(lines):
        heappush(held, (line.time, number, line))
        size += len(line.message)
        while len(held) > SORTED_LINES or size > SORTED_BYTES:
            _, _, first = heappop(held)
            size -= len(first.message)
            yield first
    while held:
        yield heappop(held)[2]


def _stream(pipeline: Pipeline | None) -> str:
    return f"@{OWN}" if pipeline is None else f"{pipeline.project}/{pipeline.name}"


def _topic(pipeline: Pipeline | None) -> str:
    return f"logs/{_stream(pipeline)}"


def _nanoseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND * 1000


def _encode(line: LogMessage) -> Record:
    flags = line.user | line.master << 1 | line.stderr << 2
    fields = [line.message, line.job, line.datum, line.worker, line.attempt, line.datum_set, flags]
    data = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    keys = (line.job, line.datum, MASTER if line.master else "")
    return Record(_nanoseconds(line.time), data, tuple(filter(None, keys)))


def _decode(pipeline: Pipeline | None, time: int, data: bytes) -> LogMessage:
    message, job, datum, worker, attempt, datum_set, flags = json.loads(data)
    return LogMessage(
        time=_EPOCH + timedelta(microseconds=time // 1000),
        message=message,
        project=pipeline.project if pipeline else "",
        pipeline=pipeline.name if pipeline else "",
        job=job,
        datum=datum,
        worker=worker,
        attempt=attempt,
        user=bool(flags & 1),
        master=bool(flags & 2),
        stderr=bool(flags & 4),
        datum_set=datum_set,
    )
