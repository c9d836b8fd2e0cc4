"""Directories made visible: the entries of a range, with the directories they lie in and, if wanted, not below a depth.

Keys of files stand in one flat order. Walking along it, a directory begins where a key first has its path and a slash,
and ends where one no longer has; one that is not to be opened is leapt over, whatever its size.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeAlias

from hathi.storage.filesets.entry import FILES, end_of
from hathi.storage.filesets.nodes import Nodes
from hathi.storage.filesets.tree import batches

Place: TypeAlias = tuple[bytes, bytes | None]
"""A file's key and value, or a directory's path with a slash behind, and None."""


class _Entries:
    """The entries of a range in either direction, with leaps."""

    def __init__(self, nodes: Nodes, root: bytes, start: bytes, stop: bytes | None, *, reverse: bool) -> None:
        self._nodes, self._root, self._start, self._stop, self._reverse = nodes, root, start, stop, reverse
        self._leap: bytes | None = None

    def leap(self, to: bytes) -> None:
        """Pass all entries before `to`, or in reverse all from `to` on."""
        self._leap = to

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        again = True
        while again:
            again = False
            for keys, values in batches(FILES, self._nodes, self._root, self._start, self._stop, self._reverse):
                yield from self._leaf(keys, values)
                if self._leap is not None:  # beyond this leaf, perhaps far beyond
                    self._leap, again = None, True
                    break

    def _leaf(self, keys: list[bytes], values: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries of one leaf; a leap that leads out of it is left to be done."""
        low, high = 0, len(keys)
        while low < high:
            for index in range(high - 1, low - 1, -1) if self._reverse else range(low, high):
                yield keys[index], values[index]
                if self._leap is not None:
                    break
            else:
                return
            if self._reverse:
                self._stop = self._leap
                high = bisect_left(keys, self._leap, low, high)
            else:
                self._start = self._leap
                low = bisect_left(keys, self._leap, low, high)
            if low < high:
                self._leap = None


def ascending(
    nodes: Nodes, root: bytes, inside: bytes, start: bytes, stop: bytes | None, deepest: int | None
) -> Iterator[Place]:
    """Yield the places in a range, each directory before what is in it.

    inside: the directory (with its slash) from which the walk sets out; it and those above it are not shown.
    deepest: directories with so many slashes, the last one included, are shown but not opened; None: all are opened.
    """
    entries = _Entries(nodes, root, start, stop, reverse=False)
    for key, value in entries:
        while not key.startswith(inside):
            inside = _parent(inside)
        slash = key.find(b"/", len(inside))
        while slash >= 0:
            directory = key[: slash + 1]
            yield directory, None
            if directory.count(b"/") == deepest:
                entries.leap(end_of(directory))
                break
            inside = directory
            slash = key.find(b"/", slash + 1)
        else:
            yield key, value


def descending(
    nodes: Nodes, root: bytes, inside: bytes, top: bytes, stop: bytes | None, deepest: int | None
) -> Iterator[Place]:
    """Yield the places below the directory `top` that come before `stop`, backwards: each directory after what is in
    it.

    inside: the directory at or below `top` from which the walk sets out; it and those above it, up to `top`, are still
    to be shown (`top` itself is not). deepest: see `ascending`.
    """
    entries = _Entries(nodes, root, top, stop, reverse=True)
    for key, value in entries:
        while not key.startswith(inside):
            yield inside, None
            inside = _parent(inside)
        slash = key.find(b"/", len(inside))
        while slash >= 0:
            directory = key[: slash + 1]
            if directory.count(b"/") == deepest:
                yield directory, None
                entries.leap(directory)
                break
            inside = directory
            slash = key.find(b"/", slash + 1)
        else:
            yield key, value
    while inside != top:
        yield inside, None
        inside = _parent(inside)


def _parent(directory: bytes) -> bytes:
    return directory[: directory.rindex(b"/", 0, -1) + 1]
