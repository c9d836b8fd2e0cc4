"""A place in a tree, moving forwards: what lies ahead is either copied into a builder or skipped, as whole subtrees
where possible. Applying edits, cutting out a range and joining trees are all sequences of these two moves.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from hathi.storage.filesets.builder import Builder
from hathi.storage.filesets.node import EMPTY_ROOT, Node, Schema
from hathi.storage.filesets.nodes import Nodes


class _Frame:
    """A node on the way down: what of it is still ahead, and where its key range ends (None: nowhere)."""

    __slots__ = ("bound", "index", "node")

    def __init__(self, node: Node, bound: bytes | None) -> None:
        self.node = node
        self.index = 0
        self.bound = bound


class Cursor:
    """A place between two entries of a tree, at first before all of them. Only nodes that a move cuts are read."""

    def __init__(self, schema: Schema, nodes: Nodes, root: bytes) -> None:
        self._schema = schema
        self._nodes = nodes
        self._path = [] if root == EMPTY_ROOT else [_Frame(nodes.load(schema, root), None)]

    def skip(self, until: bytes | None) -> None:
        """Move before the first entry whose key is `until` or greater (None: behind all)."""
        self._move(until, None)

    def copy(self, until: bytes | None, into: Builder) -> None:
        """Move likewise, appending what is passed to a builder."""
        self._move(until, into)

    def _move(self, until: bytes | None, into: Builder | None) -> None:
        while self._path:
            frame = self._path[-1]
            node, start = frame.node, frame.index
            stop = self._passed(frame, until)
            if into is not None and start < stop and not into.accepts(node.level, node.keys[start]):
                self._descend(frame)
                continue
            if into is not None:
                into.take(node, start, stop)
            frame.index = stop
            if stop == len(node.keys):
                self._path.pop()
            elif node.level and until is not None and node.keys[stop] < until:
                self._descend(frame)
            else:
                return

    @staticmethod
    def _passed(frame: _Frame, until: bytes | None) -> int:
        """Return the index of the first entry or child of a node that does not lie before `until` as a whole."""
        keys = frame.node.keys
        if until is None:
            return len(keys)
        if not frame.node.level:
            return bisect_left(keys, until, frame.index)
        if frame.bound is not None and frame.bound <= until:
            return len(keys)
        return max(frame.index, bisect_right(keys, until, frame.index) - 1)

    def _descend(self, frame: _Frame) -> None:
        """Open the next child of a node, which counts as passed there."""
        node, index = frame.node, frame.index
        frame.index = index + 1
        bound = node.keys[index + 1] if index + 1 < len(node.keys) else frame.bound
        self._path.append(_Frame(self._nodes.load(self._schema, node.values[index]), bound))
