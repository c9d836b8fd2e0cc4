"""Logs on disk: streams of records that are only ever appended to.

The problem: job logs come in small pieces from many workers, are read from any point while they grow, and are deleted
by the stream; they are neither objects (which never change) nor rows. The rule: a stream is a folder of segment files,
each named by the position of its first byte in the stream. A record is framed by its length and checksum, so a
position is a plain number, a reader that meets an unfinished record stops before it, and a tail torn by a crash is cut
off when the stream is next appended to.

Durability: when `append` returns, the records are in the system's hands and outlive this process. They are synced when
a segment is full and at `close`: a power cut may cost the last lines of a log, and nothing but those.

    record  length u32 | CRC-32 of the bytes u32 | bytes           (little-endian)
"""

from __future__ import annotations

import os
import shutil
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import inf
from pathlib import Path
from urllib.parse import quote, unquote

from hathi.model.errors import UnavailableError

SEGMENT_BYTES = 8 << 20  # a segment this long is closed, and the next one begun
_READ_BYTES = 1 << 20
_OPEN_STREAMS = 64  # files kept open for writing; opening one again costs reading its last segment
_HEADER = struct.Struct("<II")
_PREFIX = "@"  # of segment files; quoting leaves none in the names of folders


class LogUnavailable(UnavailableError):
    """The disk that holds the logs did not do what was asked."""

    def __init__(self, stream: str, reason: str) -> None:
        super().__init__(f"log {stream} cannot be used: {reason}")
        self.stream = stream
        self.reason = reason


class SegmentLog:
    """Streams below one folder. Thread-safe; one process appends, any may read.

    A stream's name is "/"-separated, such as `project/pipeline/worker`; each part may hold any character but "/".
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
        self._open: OrderedDict[str, _Tail] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SegmentLog({str(self._root)!r}, {len(self._open)} streams open)"

    def append(self, stream: str, records: Sequence[bytes]) -> int:
        """Add records to the end of a stream and return the position after them."""
        data = b"".join(_HEADER.pack(len(record), zlib.crc32(record)) + record for record in records)
        with self._lock, _translated(stream):
            tail = self._tail(stream)
            tail.write(data)
            if tail.size >= self._segment_bytes:
                tail.roll()
            position = tail.position
        self._appended(stream)
        return position

    def read(self, stream: str, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (position after it, record) from position `start` to the present end; reading on from there follows it.

        `start` is 0 or a position that this log gave. A stream that nobody has appended to is empty.
        """
        folder = self._folder(stream)
        with _translated(stream):
            bases = _bases(folder)
        for base, end in pairwise([*bases, inf]):
            if end > start:
                with _translated(stream):
                    yield from _records(folder, int(base), max(start, int(base)))

    def streams(self, prefix: str = "") -> Iterator[str]:
        """Yield the streams that have a record and whose name is `prefix` or lies below it, sorted by part."""
        with _translated(prefix):
            yield from _streams(self._folder(prefix) if prefix else self._root, prefix)

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

    def _tail(self, stream: str) -> _Tail:
        tail = self._open.get(stream)
        if tail is None:
            tail = self._open[stream] = _Tail(self._folder(stream))
            if len(self._open) > _OPEN_STREAMS:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(stream)
        return tail

    def _folder(self, stream: str) -> Path:
        return self._root.joinpath(*(quote(part, safe="").replace(".", "%2E") for part in stream.split("/")))


class _Tail:
    """The segment of a stream that is being written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        bases = _bases(folder)
        self._base = bases[-1] if bases else 0
        self.position = self._base
        if bases:
            self.position = max((end for end, _ in _records(folder, self._base, self._base)), default=self._base)
        self._file = _segment(folder, self._base).open("ab", buffering=0)
        self._file.truncate(self.size)  # what a crash left unfinished

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.position - self._base

    def write(self, data: bytes) -> None:
        """Append whole records: all of them, or none that would be read."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.truncate(self.size)
            raise
        self.position += len(data)

    def roll(self) -> None:
        """Begin the next segment."""
        self.close()
        self._base = self.position
        self._file = _segment(self._folder, self._base).open("ab", buffering=0)

    def close(self) -> None:
        """Sync and close the segment."""
        os.fsync(self._file.fileno())
        self._file.close()


def _segment(folder: Path, base: int) -> Path:
    return folder / f"{_PREFIX}{base:020}"


def _bases(folder: Path) -> list[int]:
    """Return where the segments of a stream begin, in order."""
    try:
        return sorted(int(path.name[1:]) for path in folder.iterdir() if path.name.startswith(_PREFIX))
    except FileNotFoundError:
        return []


def _records(folder: Path, base: int, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield the whole records of the segment at `base` from position `start`."""
    try:
        file = _segment(folder, base).open("rb", buffering=_READ_BYTES)
    except FileNotFoundError:  # deleted meanwhile
        return
    with file:
        file.seek(start - base)
        position = start
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length, checksum = _HEADER.unpack(header)
            record = file.read(length)
            if len(record) < length or zlib.crc32(record) != checksum:
                return
            position += _HEADER.size + length
            yield position, record


def _streams(folder: Path, name: str) -> Iterator[str]:
    try:
        entries = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return
    if name and any(entry.startswith(_PREFIX) for entry in entries):
        yield name
    for entry in entries:
        if not entry.startswith(_PREFIX):
            yield from _streams(folder / entry, f"{name}/{unquote(entry)}" if name else unquote(entry))


@contextmanager
def _translated(stream: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LogUnavailable(stream, error.strerror or str(error)) from error
