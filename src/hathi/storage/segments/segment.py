"""One file of a stream, `@<position of its first byte>`, and its index beside it, `@<the same>.index`.

A segment is written to its end once, then closed: from then on neither file changes, until both are deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hathi.storage.segments.index import Growing, Range, Stored, overlapping
from hathi.storage.segments.record import Frame, Record, encode, frames

_READ_BYTES = 1 << 20
_PREFIX = "@"  # of segment files; quoting leaves none in the names of folders
_INDEX = ".index"


class Found(NamedTuple):
    """A record that was read. position: behind it in the stream. time: nanoseconds since the epoch."""

    position: int
    time: int
    data: bytes


def bases(folder: Path) -> list[int]:
    """Return where the segments of a stream begin, in order."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[1:]) for name in names if name.startswith(_PREFIX) and name[1:].isdigit())


def is_segment(name: str) -> bool:
    """Return whether an entry of a folder belongs to a stream; others are folders of streams."""
    return name.startswith(_PREFIX)


class Segment:
    """A segment that is closed, or the end of one that is being written as it was at one moment."""

    def __init__(self, folder: Path, base: int) -> None:
        self.base = base
        self.path = folder / f"{_PREFIX}{base:020}"
        self.index_path = folder / f"{_PREFIX}{base:020}{_INDEX}"

    def size(self) -> int:
        """Return its length in bytes; 0 when it was deleted meanwhile."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def latest(self) -> int:
        """Return the time of its latest record."""
        with self._stored() as index:
            return index.latest

    def ranges(self, key: int | None, since: int) -> list[Range]:
        """Return where records of a key (None: all) are that may be as late as `since`; none when it was deleted."""
        try:
            with self._stored() as index:
                return index.ranges(key, since) if index.latest >= since else []
        except FileNotFoundError:
            return []

    def read(self, ranges: list[Range], key: int | None, start: int = 0) -> Iterator[Found]:
        """Yield the records of a key in these ranges, from offset `start` on."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # deleted meanwhile
            return
        try:
            for low, high in overlapping(ranges, start):
                piece = os.pread(file, high - low, low)
                for frame in frames(piece, verify=True):
                    if key is None or key in frame.keys:
                        yield Found(self.base + low + frame.end, frame.time, piece[frame.data : frame.end])
        finally:
            os.close(file)

    def delete(self) -> int:
        """Delete it and return its length in bytes; the index goes first, since it can be made again."""
        size = self.size()
        self.index_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        return size

    def save(self, index: Growing) -> None:
        """Write the index, whole or not at all."""
        draft = self.index_path.with_name(self.index_path.name + ".new")
        with draft.open("wb") as file:
            file.write(index.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.index_path)

    def load(self) -> Growing:
        """Return the index of all whole records, from its file as far as that covers them, and by scanning the rest."""
        index: Growing | None = None
        with suppress(FileNotFoundError):
            index = Growing.decode(self.index_path.read_bytes())
        if index is None or index.covered > self.size():
            index = Growing()
        for frame, offset in _scan(self.path, index.covered):
            index.add(frame, offset)
        return index

    def _stored(self) -> Stored:
        """Open the index of a closed segment; one that is missing or damaged is made again."""
        with suppress(FileNotFoundError, ValueError):
            return Stored(self.index_path)
        if self.path.exists():
            self.save(self.load())
        if not self.path.exists():  # deleted, now or meanwhile
            self.index_path.unlink(missing_ok=True)
        return Stored(self.index_path)


class Tail:
    """The segment of a stream that is being written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        known = bases(folder)
        self._begin(known[-1] if known else 0)

    def _begin(self, base: int) -> None:
        self.segment = Segment(self._folder, base)
        self._file = self.segment.path.open("ab", buffering=0)
        if not self.segment.size():
            self.segment.index_path.unlink(missing_ok=True)  # of a stream of this name that was deleted
        self.index = self.segment.load()
        self._saved = self.index.covered
        self._file.truncate(self.index.covered)  # what a crash left unfinished

    @property
    def position(self) -> int:
        """The end of the stream."""
        return self.segment.base + self.index.covered

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.index.covered

    def write(self, records: list[Record]) -> None:
        """Append records: all of them, or none that would be read."""
        data = b"".join(map(encode, records))
        before = self.size
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.truncate(before)
            raise
        for frame in frames(data, verify=False):
            self.index.add(frame, before)

    def roll(self) -> None:
        """Close the segment and begin the next one."""
        end = self.position
        self.close()
        self._begin(end)

    def close(self) -> None:
        """Sync and close the segment, with what its index covers now."""
        os.fsync(self._file.fileno())
        self._file.close()
        if self.index.covered > self._saved:
            self.segment.save(self.index)
            self._saved = self.index.covered


def _scan(path: Path, start: int) -> Iterator[tuple[Frame, int]]:
    """Yield the whole records of a segment from an offset, each with what its own offsets are counted from."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(start)
        held, base = b"", start
        while piece := file.read(_READ_BYTES):
            held += piece
            end = 0
            for frame in frames(held, verify=True):
                yield frame, base
                end = frame.end
            if not end and len(held) > 64 * _READ_BYTES:  # a torn length: no record is that long
                return
            held, base = held[end:], base + end
