"""The index of a segment: where the records of a key are, and which parts of it are older than a time.

A *block* is consecutive records of about 64 KiB, with the time of its latest one. A *run* is consecutive records of one
key within a block. Lines of one datum come together, so there are far fewer runs than records. A segment that is being
written has its index in memory (`Growing`), in the order of positions; a closed one has it in a file (`Stored`), in the
order of keys, of which a look-up reads a few bytes. The file says how much of the segment it covers, so that one
written early, when a log is closed, saves the scan of what it covers at the next start.

    magic "HATHILI1" | covered u64 | latest time i64 | blocks u32 | runs u32 | CRC-32 of what follows u32
    blocks: starts u32 each, then latest times i64 each
    runs, by key and start: keys u64 each, then starts u32 each, then ends u32 each               (little-endian)
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from hathi.storage.segments.record import Frame

BLOCK_BYTES = 64 << 10
NEVER = -(1 << 63)
"""The latest time of no records."""

_HEAD = struct.Struct("<8sQqIII")
_MAGIC = b"HATHILI1"
_KEY = struct.Struct("<Q")

Range = tuple[int, int]
"""Offsets in a segment, of consecutive whole records: start, end."""


class Growing:
    """The index of records as they are appended."""

    def __init__(self) -> None:
        self.covered = 0
        self.latest = NEVER
        self._blocks = array("I")
        self._times = array("q")
        self._keys = array("Q")
        self._starts = array("I")
        self._ends = array("I")
        self._open: dict[int, int] = {}  # runs that the next record may continue: key -> number of the run

    def add(self, frame: Frame, base: int) -> None:
        """Add the next record. base: what its offsets are counted from."""
        start, end = base + frame.start, base + frame.end
        if not self._blocks or start - self._blocks[-1] >= BLOCK_BYTES:
            self._blocks.append(start)
            self._times.append(frame.time)
            self._open = {}
        elif frame.time > self._times[-1]:
            self._times[-1] = frame.time
        goes_on: dict[int, int] = {}
        for key in frame.keys:
            run = self._open.get(key)
            if run is None:
                run = len(self._keys)
                self._keys.append(key)
                self._starts.append(start)
                self._ends.append(end)
            else:
                self._ends[run] = end
            goes_on[key] = run
        self._open = goes_on
        self.covered = end
        self.latest = max(self.latest, frame.time)

    def ranges(self, key: int | None, since: int) -> list[Range]:
        """Return where records of a key (None: all) are that may be as late as `since`, in order."""
        if key is None:
            return _recent(_whole(self._blocks, self.covered), self._blocks, self._times, since)
        found: list[Range] = []
        place = -1
        with suppress(ValueError):
            while True:
                place = self._keys.index(key, place + 1)
                found.append((self._starts[place], self._ends[place]))
        return _recent(found, self._blocks, self._times, since)

    def encode(self) -> bytes:
        """Return the index as it is stored."""
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        columns = (
            self._blocks,
            self._times,
            array("Q", (self._keys[run] for run in order)),
            array("I", (self._starts[run] for run in order)),
            array("I", (self._ends[run] for run in order)),
        )
        body = b"".join(map(_little, columns))
        counts = (len(self._blocks), len(self._keys))
        return _HEAD.pack(_MAGIC, self.covered, self.latest, *counts, zlib.crc32(body)) + body

    @staticmethod
    def decode(data: bytes) -> Growing | None:
        """Return the index that `encode` made `data` from, to be added to; None when it is garbled."""
        if len(data) < _HEAD.size:
            return None
        magic, covered, latest, blocks, runs, checksum = _HEAD.unpack_from(data)
        if magic != _MAGIC or len(data) != _length(blocks, runs) or zlib.crc32(data[_HEAD.size :]) != checksum:
            return None
        index = Growing()
        index.covered, index.latest = covered, latest
        at = _HEAD.size
        columns = []
        for code, number in (("I", blocks), ("q", blocks), ("Q", runs), ("I", runs), ("I", runs)):
            columns.append(_array(code, data[at : at + array(code).itemsize * number]))
            at += array(code).itemsize * number
        index._blocks, index._times, keys, starts, ends = columns
        order = sorted(range(runs), key=starts.__getitem__)
        index._keys = array("Q", (keys[run] for run in order))
        index._starts = array("I", (starts[run] for run in order))
        index._ends = array("I", (ends[run] for run in order))
        return index


class Stored:
    """The index of a closed segment, in its file; a context manager. ValueError when the file is no index."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        head = os.pread(self._file, _HEAD.size, 0)
        magic = b""
        self.covered, self.latest, self._blocks, self._runs = 0, NEVER, 0, 0
        if len(head) == _HEAD.size:
            magic, self.covered, self.latest, self._blocks, self._runs, _ = _HEAD.unpack(head)
        if magic != _MAGIC or os.fstat(self._file).st_size != _length(self._blocks, self._runs):
            os.close(self._file)
            raise ValueError(f"{path} is no index of a log segment")

    def __enter__(self) -> Stored:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def ranges(self, key: int | None, since: int) -> list[Range]:
        """See `Growing.ranges`."""
        if key is None:
            blocks = self._column("I", _HEAD.size, self._blocks)
            found = _whole(blocks, self.covered)
        else:
            found = self._runs_of(key)
            blocks = array("I")
        if not found or since == NEVER:
            return found
        blocks = blocks or self._column("I", _HEAD.size, self._blocks)
        times = self._column("q", _HEAD.size + 4 * self._blocks, self._blocks)
        return _recent(found, blocks, times, since)

    def _runs_of(self, key: int) -> list[Range]:
        """Find the key's first run by halving, and read on from there."""
        keys = _HEAD.size + 12 * self._blocks
        low, high = 0, self._runs
        while low < high:
            middle = (low + high) // 2
            if _KEY.unpack(os.pread(self._file, 8, keys + 8 * middle))[0] < key:
                low = middle + 1
            else:
                high = middle
        number = self._count(key, keys, low)
        starts = keys + 8 * self._runs
        ends = starts + 4 * self._runs
        return list(
            zip(
                self._column("I", starts + 4 * low, number),
                self._column("I", ends + 4 * low, number),
                strict=True,
            )
        )

    def _count(self, key: int, keys: int, low: int) -> int:
        """Return how many runs from number `low` on are of the key."""
        number = 0
        while low + number < self._runs:
            some = self._column("Q", keys + 8 * (low + number), min(self._runs - low - number, 512))
            equal = bisect_right(some, key)
            number += equal
            if equal < len(some):
                break
        return number

    def _column(self, code: str, offset: int, number: int) -> array[int]:
        return _array(code, os.pread(self._file, array(code).itemsize * number, offset))


def _length(blocks: int, runs: int) -> int:
    return _HEAD.size + 12 * blocks + 16 * runs


def _whole(blocks: array[int], end: int) -> list[Range]:
    return list(pairwise([*blocks, end]))


def _recent(found: list[Range], blocks: array[int], times: array[int], since: int) -> list[Range]:
    """Return those ranges whose block has a record as late as `since`; each lies in one block."""
    if since == NEVER:
        return found
    return [one for one in found if times[bisect_right(blocks, one[0]) - 1] >= since]


def _little(column: array[int]) -> bytes:
    if sys.byteorder == "little":
        return column.tobytes()
    swapped = column[:]
    swapped.byteswap()
    return swapped.tobytes()


def _array(code: str, data: bytes) -> array[int]:
    column: array[int] = array(code)
    column.frombytes(data)
    if sys.byteorder != "little":
        column.byteswap()
    return column


def overlapping(ranges: list[Range], start: int) -> Iterator[Range]:
    """Yield the ranges from the one that holds `start` on, that one from `start`."""
    first = bisect_left(ranges, start, key=lambda one: one[1] - 1) if ranges else 0
    for low, high in ranges[first:]:
        yield max(low, start), high
