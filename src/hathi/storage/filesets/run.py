"""Runs: what a stream of writes changes, as one sorted, stored value that waits until its commit is finished.

A run is a tree (schema RUN) of deleted ranges and of operations on paths. It means: first the ranges lose what they
held, then each operation takes place. Runs in a row compose to one run that means the same as all of them in order, and
`fold` (see there) applies them to a tree of files. An open commit is a row of runs; a writer is one too while it
gathers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush, merge
from itertools import chain, count, groupby
from operator import itemgetter
from typing import Protocol

from hathi.storage.chunks.interface import NodeReader, NodeStore
from hathi.storage.filesets import tree
from hathi.storage.filesets.errors import DuplicatePath
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.filesets.nodes import Nodes, reading
from hathi.storage.filesets.ops import (
    DELETION,
    OPS_START,
    RUN,
    Kind,
    Range,
    clash,
    combine_encoded,
    decode_range,
    encode_range,
    kind_of,
    union,
)

EMPTY_RUN = EMPTY_ROOT
"""The run that changes nothing."""


class Changes(Protocol):
    """A run or something that can become one. Both methods may be called any number of times."""

    def ranges(self) -> Iterable[Range]:
        """Yield the deleted ranges, ascending by start."""
        ...

    def ops(self) -> Iterable[tuple[bytes, bytes]]:
        """Yield the encoded operations that take place after that, one for a key, by ascending key."""
        ...


class StoredRun:
    """A run in a store, by its root."""

    def __init__(self, nodes: Nodes, root: bytes) -> None:
        self._nodes = nodes
        self._root = root

    def ranges(self) -> Iterator[Range]:
        """Yield the deleted ranges; they neither overlap nor touch."""
        for key, value in tree.scan(RUN, self._nodes, self._root, stop=OPS_START):
            yield decode_range(key, value)

    def ops(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the operations."""
        return tree.scan(RUN, self._nodes, self._root, OPS_START)


def compose(upload: NodeStore, runs: Sequence[bytes], on_clash: str = "append") -> bytes:
    """Return the root of the run that means what `runs` mean in order. Associative.

    on_clash: "append" lets one path be put under several labels, "refuse" raises DuplicatePath when one was.
    """
    runs = [run for run in runs if run != EMPTY_RUN]
    if not runs:
        return EMPTY_RUN
    if len(runs) == 1 and on_clash == "append":
        return runs[0]
    nodes = reading(upload)
    return store(upload, [StoredRun(nodes, run) for run in runs], on_clash)


def run_size(nodes: NodeReader, run: bytes) -> tuple[int, int]:
    """Return how many paths a run touches (deleted ranges count for nothing), and how many bytes it puts there."""
    paths, size = tree.measure(RUN, nodes, run)
    return paths, size


def store(target: NodeStore, row: Sequence[Changes], on_clash: str = "append") -> bytes:
    """Write a row of changes as one run and return its root."""
    ops = resolve(row) if on_clash == "append" else unclashed(resolve(row))
    return tree.build(RUN, target, chain(map(encode_range, deleted(row)), ops))


def deleted(row: Sequence[Changes]) -> Iterable[Range]:
    """Yield the ranges that a row of changes deletes, ascending; they neither overlap nor touch."""
    return union(merge(*(changes.ranges() for changes in row)))


def resolve(row: Sequence[Changes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield, by ascending key, the one encoded operation that a row of changes comes to on each path.

    Within a deleted range only what was put there later is left, as a RENEW.
    """
    covers = _Covers(row)
    if len(row) == 1 and not covers:
        yield from row[0].ops()
        return
    for key, group in groupby(merge(*map(_tagged, row, count())), key=itemgetter(0)):
        cover = covers.newest(key)
        if cover is None:
            yield key, combine_encoded([value for _, _, value in group])
        else:
            value = combine_encoded([DELETION, *(value for _, position, value in group if position >= cover)])
            if kind_of(value) is not Kind.DELETE:
                yield key, value


class _Covers:
    """The deleted ranges of a row of changes, swept by ascending keys."""

    def __init__(self, row: Sequence[Changes]) -> None:
        self._ahead = merge(*map(_tagged_ranges, row, count()))
        self._next = next(self._ahead, None)
        self._begun: list[tuple[int, bytes]] = []  # a heap of (-position, stop)

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return self._next is not None or bool(self._begun)

    def newest(self, key: bytes) -> int | None:
        """Return the position of the last changes that delete a range with this key in it; None when there are none."""
        while self._next is not None and self._next[0] <= key:
            _, stop, position = self._next
            heappush(self._begun, (-position, stop))
            self._next = next(self._ahead, None)
        while self._begun and self._begun[0][1] <= key:
            heappop(self._begun)
        return -self._begun[0][0] if self._begun else None


def _tagged(changes: Changes, position: int) -> Iterator[tuple[bytes, int, bytes]]:
    for key, value in changes.ops():
        yield key, position, value


def _tagged_ranges(changes: Changes, position: int) -> Iterator[tuple[bytes, bytes, int]]:
    for start, stop in changes.ranges():
        yield start, stop, position


def unclashed(ops: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield encoded operations as they come. Raises DuplicatePath at one whose path was put under several labels."""
    for key, value in ops:
        if labels := clash(value):
            raise DuplicatePath(key.decode(), *labels)
        yield key, value
