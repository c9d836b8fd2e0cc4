"""Building a canonical tree from its entries in order, from whole subtrees where they are at hand.

The builder keeps one open node on each level, so its memory does not grow with the tree. It takes entries, and subtrees
of other trees that can stand as they are. A node is closed only when a key arrives that begins another one; a subtree
that was taken whole is opened again when the next key turns out to belong to its last node, which happens only after
that key's predecessors were deleted. The root is the lowest level that has a single node.
"""

from __future__ import annotations

from collections.abc import Iterable

from hathi.storage.filesets.node import EMPTY_ROOT, Node, Schema, height
from hathi.storage.filesets.nodes import WritableNodes


class Builder:
    """Makes one tree. Keys must come in strictly ascending order; ValueError says so otherwise."""

    def __init__(self, schema: Schema, nodes: WritableNodes) -> None:
        self._schema = schema
        self._nodes = nodes
        self._open: list[Node] = []  # by level; the last one is not empty
        self._last = b""

    def add(self, key: bytes, value: bytes) -> None:
        """Append one entry."""
        if height(key) or key <= self._last or not (self._open and self._open[0].keys):
            self._arrive(key, 0)
        leaf = self._open[0]
        leaf.keys.append(key)
        leaf.values.append(value)
        self._last = key

    def extend(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Append many entries."""
        for key, value in items:
            self.add(key, value)

    def accepts(self, level: int, key: bytes) -> bool:
        """Return whether a subtree that hangs on a node of this level and begins with `key` can be taken whole now."""
        return level == 0 or not self._open or height(key) >= level

    def take(self, node: Node, start: int, stop: int) -> None:
        """Append the entries of an existing node at `start:stop`, which `accepts` agreed to; its children stay closed.

        Only the first of them can belong to an open node: the others begin nodes, or are no borders, where they stand.
        """
        if start == stop:
            return
        self._arrive(node.keys[start], node.level)
        mine = self._open[node.level]
        mine.keys += node.keys[start:stop]
        mine.values += node.values[start:stop]
        for column, added in zip(mine.measures, node.measures, strict=True):
            column += added[start:stop]
        self._last = node.keys[stop - 1]

    def finish(self) -> bytes:
        """Close what is open and return the root."""
        if not self._open:
            return EMPTY_ROOT
        while not self._open[-1].keys:
            self._open.pop()
        for level in range(len(self._open) - 1):
            self._close(level)
        top = self._open[-1]
        while top.level and len(top.keys) == 1:
            root = top.values[0]
            top = self._nodes.load(self._schema, root)
            if not top.level or len(top.keys) > 1:
                return root
        return self._nodes.save(self._schema, top)

    def _arrive(self, key: bytes, level: int) -> None:
        """Make the levels ready for something at `level` that begins with `key`."""
        if not self._open:
            self._reach(level)
            return
        if key <= self._last:
            raise ValueError(f"key {key!r} does not come after {self._last!r}")
        high = height(key)
        for closing in range(high):
            self._close(closing)
        self._reach(max(high, level))
        if not self._open[high].keys:
            self._reopen(high)

    def _reach(self, level: int) -> None:
        while len(self._open) <= level:
            self._open.append(self._empty(len(self._open)))

    def _empty(self, level: int) -> Node:
        return Node(level, [], [], tuple([[] for _ in range(self._schema.width)]) if level else ())

    def _close(self, level: int) -> None:
        """Write the open node of a level, if there is one, and hang it on the level above."""
        self._reach(level + 1)
        node = self._open[level]
        if node.keys:
            above = self._open[level + 1]
            above.keys.append(node.keys[0])
            above.values.append(self._nodes.save(self._schema, node))
            for column, sum_ in zip(above.measures, node.total(self._schema), strict=True):
                column.append(sum_)
            self._open[level] = self._empty(level)

    def _reopen(self, level: int) -> None:
        """Make the last closed node of a level the open one again; without any, the level stays empty."""
        above = level + 1
        if above >= len(self._open):
            return
        if not self._open[above].keys:
            self._reopen(above)
        hanger = self._open[above]
        if not hanger.keys:
            return
        hanger.keys.pop()
        closed = self._nodes.load(self._schema, hanger.values.pop())
        for column in hanger.measures:
            column.pop()
        self._open[level] = Node(
            level, closed.keys[:], closed.values[:], tuple([column[:] for column in closed.measures])
        )
