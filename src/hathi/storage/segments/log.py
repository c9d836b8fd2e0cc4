"""Streams of records: appended to at the end, read from any position, by key and time, from either end.

The problem: job logs come in small pieces from many workers, are asked for by job, by datum and by time, grow for
years, and are deleted by the stream and by age; they are neither objects (which never change) nor rows. The rule: a
stream is a folder of segment files, each named by the position of its first byte in the stream. A position is a plain
number, a reader that meets an unfinished record stops before it, and a tail torn by a crash is cut off when the stream
is next opened. Every segment has an index (`segments.index`), so that a question about one key reads that key's records
and a few bytes of each segment, and a file is open only while it is read.

Durability: when `append` returns, the records are in the system's hands and outlive this process. They are synced when
a segment is full and at `close`: a power cut may cost the last lines of a log, and nothing but those. Indexes can be
lost without loss.
"""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, unquote

from hathi.model.errors import UnavailableError
from hathi.storage.segments.index import NEVER, Range
from hathi.storage.segments.record import Record, hash_of
from hathi.storage.segments.segment import Found, Segment, Tail, bases, is_segment

SEGMENT_BYTES = 8 << 20  # a segment this long is closed, and the next one begun
_OPEN_STREAMS = 64  # streams whose last segment is kept open; opening one again costs reading its index


class LogUnavailable(UnavailableError):
    """The disk that holds the logs did not do what was asked."""

    def __init__(self, stream: str, reason: str) -> None:
        super().__init__(f"log {stream} cannot be used: {reason}")
        self.stream = stream
        self.reason = reason


class SegmentLog:
    """Streams below one folder. Thread-safe; one process uses it.

    A stream's name is "/"-separated, such as `project/pipeline`; each part may hold any character but "/".
    """

    def __init__(
        self,
        root: Path,
        *,
        appended: Callable[[str], None] = lambda stream: None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """appended: called with the stream's name after each append, with no lock held; followers read on then."""
        self._root = root
        self._appended = appended
        self._segment_bytes = segment_bytes
        self._open: OrderedDict[str, Tail] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SegmentLog({str(self._root)!r}, {len(self._open)} streams open)"

    def append(self, stream: str, records: Sequence[Record]) -> int:
        """Add records to the end of a stream and return the position after them."""
        with self._lock, _translated(stream):
            tail = self._tail(stream)
            tail.write(list(records))
            if tail.size >= self._segment_bytes:
                tail.roll()
            position = tail.position
        self._appended(stream)
        return position

    def end(self, stream: str) -> int:
        """Return the position after the last record of a stream; 0 when nobody has appended to it."""
        with self._lock, _translated(stream):
            tail = self._present(stream)
            return 0 if tail is None else tail.position

    def read(self, stream: str, start: int = 0, *, key: str = "", since: int = NEVER) -> Iterator[Found]:
        """Yield records from position `start` to the present end, oldest first; reading on from there follows it.

        Args:
            start: 0 or a position that this log gave.
            key: Only records with this key; "" for all.
            since: Only records not older, in nanoseconds since the epoch.
        """
        hashed = hash_of(key) if key else None
        for segment, ranges in self._pieces(stream, start, hashed, since):
            with _translated(stream):
                for found in segment.read(ranges, hashed, max(start - segment.base, 0)):
                    if found.time >= since:
                        yield found

    def read_back(self, stream: str, *, key: str = "", since: int = NEVER) -> Iterator[Found]:
        """Yield records from the present end to the beginning, newest first; see `read`."""
        hashed = hash_of(key) if key else None
        for segment, ranges in self._pieces(stream, 0, hashed, since, back=True):
            for one in reversed(ranges):
                with _translated(stream):
                    held = list(segment.read([one], hashed))
                yield from (found for found in reversed(held) if found.time >= since)

    def streams(self, prefix: str = "") -> Iterator[str]:
        """Yield the streams that have a record and whose name is `prefix` or lies below it, sorted by part."""
        with _translated(prefix):
            yield from _streams(self._folder(prefix) if prefix else self._root, prefix)

    def prune(self, stream: str, *, before: int, keep_bytes: int) -> int:
        """Delete the oldest segments of a stream, and return how many bytes that freed.

        Args:
            before: Segments whose records are all older go; nanoseconds since the epoch.
            keep_bytes: And as many of the oldest as it takes for the rest to be no larger. The segment that is being
                written stays, unless all of it is older.
        """
        with _translated(stream):
            with self._lock:
                tail = self._present(stream)
                if tail is None:
                    return 0
                if tail.size and tail.index.latest < before:
                    tail.roll()
                last = tail.segment.base
            closed = [Segment(self._folder(stream), base) for base in bases(self._folder(stream)) if base < last]
            excess = self.end(stream) - (closed[0].base if closed else last) - keep_bytes
            freed = 0
            for segment in closed:
                if freed >= excess and segment.latest() >= before:
                    break
                freed += segment.delete()
        return freed

    def delete(self, prefix: str) -> None:
        """Forget the stream `prefix` and all below it."""
        with self._lock, _translated(prefix):
            for stream in [name for name in self._open if name == prefix or name.startswith(prefix + "/")]:
                self._open.pop(stream).close()
            shutil.rmtree(self._folder(prefix), ignore_errors=True)

    def close(self) -> None:
        """Sync and close everything; the next append opens its stream again."""
        with self._lock, _translated("files"):
            while self._open:
                self._open.popitem()[1].close()

    def _pieces(
        self, stream: str, start: int, key: int | None, since: int, *, back: bool = False
    ) -> Iterator[tuple[Segment, list[Range]]]:
        """Yield the segments of a stream as they are now, each with where to read, as the reader comes to them."""
        with self._lock, _translated(stream):
            tail = self._present(stream)
            if tail is None:
                return
            last = tail.segment
            newest = tail.index.ranges(key, since) if tail.index.latest >= since else []
        with _translated(stream):
            known = [base for base in bases(self._folder(stream)) if base < last.base]
        segments: list[tuple[Segment, list[Range] | None]] = [
            (Segment(self._folder(stream), base), None) for base, end in pairwise([*known, last.base]) if end > start
        ]
        segments.append((last, newest))
        for segment, ranges in reversed(segments) if back else segments:
            with _translated(stream):
                found = segment.ranges(key, since) if ranges is None else ranges
            if found:
                yield segment, found

    def _present(self, stream: str) -> Tail | None:
        """Return the tail of a stream; None when nobody has appended to it."""
        return self._tail(stream) if stream in self._open or bases(self._folder(stream)) else None

    def _tail(self, stream: str) -> Tail:
        tail = self._open.get(stream)
        if tail is None:
            tail = self._open[stream] = Tail(self._folder(stream))
            if len(self._open) > _OPEN_STREAMS:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(stream)
        return tail

    def _folder(self, stream: str) -> Path:
        return self._root.joinpath(*(quote(part, safe="").replace(".", "%2E") for part in stream.split("/")))


def _streams(folder: Path, name: str) -> Iterator[str]:
    try:
        entries = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return
    if name and any(map(is_segment, entries)):
        yield name
    for entry in entries:
        if not is_segment(entry):
            yield from _streams(folder / entry, f"{name}/{unquote(entry)}" if name else unquote(entry))


@contextmanager
def _translated(stream: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LogUnavailable(stream, error.strerror or str(error)) from error
