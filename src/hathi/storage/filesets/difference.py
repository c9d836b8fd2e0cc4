"""What two trees do not have in common, in time that depends on the differences and not on the trees.

Borders depend on keys alone, so a subtree that both trees have begins at the same key and on the same level in both,
even when one tree is higher. Two sides moving forwards therefore meet it: the one whose next key is less moves on
first, and of two that stand at the same key the higher one opens its node, until both show the same node, which is
skipped, or leaves.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TypeAlias

from hathi.storage.chunks.interface import NodeReader
from hathi.storage.filesets.node import EMPTY_ROOT, Schema
from hathi.storage.filesets.nodes import Nodes, reading
from hathi.storage.filesets.tree import overlap

Change: TypeAlias = tuple[bytes, bytes | None, bytes | None]
"""A key with its old and its new value, None where it is absent."""

_ENTRIES = -1  # the level of a piece of an opened leaf, below all nodes


class _Piece:
    """A part of one tree that lies ahead: a node not opened yet (by id), or entries of an opened leaf."""

    __slots__ = ("id", "key", "keys", "level", "values")

    def __init__(self, key: bytes, level: int, id: bytes, keys: list[bytes], values: list[bytes]) -> None:
        self.key = key  # no key in it is less
        self.level = level
        self.id = id
        self.keys = keys
        self.values = values


class _Side:
    """One of the two trees: what lies ahead of it, the next piece last."""

    def __init__(self, schema: Schema, nodes: Nodes, root: bytes, start: bytes, stop: bytes | None) -> None:
        self._schema, self._nodes, self._start, self._stop = schema, nodes, start, stop
        self.ahead: list[_Piece] = []
        if root != EMPTY_ROOT:
            node = nodes.load(schema, root)
            self.ahead.append(_Piece(node.keys[0], node.level, root, [], []))

    def open(self) -> None:
        """Replace the next piece, a node, by what it holds of the range."""
        node = self._nodes.load(self._schema, self.ahead.pop().id)
        low, high = overlap(node, self._start, self._stop)
        if node.level:
            below = node.level - 1
            self.ahead += [_Piece(node.keys[i], below, node.values[i], [], []) for i in range(high - 1, low - 1, -1)]
        else:
            self._put_back(node.keys[low:high], node.values[low:high])

    def take(self, count: int) -> tuple[list[bytes], list[bytes]]:
        """Return the first `count` entries of the next piece, which are entries, and move behind them."""
        piece = self.ahead.pop()
        self._put_back(piece.keys[count:], piece.values[count:])
        return piece.keys[:count], piece.values[:count]

    def _put_back(self, keys: list[bytes], values: list[bytes]) -> None:
        if keys:
            self.ahead.append(_Piece(keys[0], _ENTRIES, b"", keys, values))


def difference(
    schema: Schema, store: NodeReader, old: bytes, new: bytes, start: bytes = b"", stop: bytes | None = None
) -> Iterator[Change]:
    """Yield the changes that lead from tree `old` to tree `new` within a range, in ascending order of their keys."""
    if old == new:
        return
    nodes = reading(store)
    a, b = _Side(schema, nodes, old, start, stop), _Side(schema, nodes, new, start, stop)
    while a.ahead and b.ahead:
        ours, theirs = a.ahead[-1], b.ahead[-1]
        if ours.level == theirs.level == _ENTRIES:
            yield from _compare(a, b)
        elif ours.level == theirs.level and ours.id == theirs.id:
            a.ahead.pop()
            b.ahead.pop()
        elif ours.key < theirs.key:
            yield from _advance(a, theirs.key, removed=True)
        elif theirs.key < ours.key:
            yield from _advance(b, ours.key, removed=False)
        else:
            higher = max(ours.level, theirs.level)
            if ours.level == higher:
                a.open()
            if theirs.level == higher:
                b.open()
    while a.ahead:
        yield from _advance(a, None, removed=True)
    while b.ahead:
        yield from _advance(b, None, removed=False)


def _advance(side: _Side, until: bytes | None, *, removed: bool) -> Iterator[Change]:
    """Open the next node of a side, or pass its next entries before `until`, which the other side does not have."""
    piece = side.ahead[-1]
    if piece.level != _ENTRIES:
        side.open()
        return
    keys, values = side.take(len(piece.keys) if until is None else bisect_left(piece.keys, until))
    for key, value in zip(keys, values, strict=True):
        yield (key, value, None) if removed else (key, None, value)


def _compare(a: _Side, b: _Side) -> Iterator[Change]:
    """Compare the next entries of both sides, as far as both are known."""
    ours, theirs = a.ahead[-1].keys, b.ahead[-1].keys
    known = min(ours[-1], theirs[-1])
    before = dict(zip(*a.take(bisect_right(ours, known)), strict=True))
    after = dict(zip(*b.take(bisect_right(theirs, known)), strict=True))
    for key in sorted({key for key, _ in before.items() ^ after.items()}):
        yield key, before.get(key), after.get(key)
