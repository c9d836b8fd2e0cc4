"""Finding paths that would be a file and a directory at once, by looking at changed paths only.

`a` and `a/b` collide but are not neighbours: `a-b` sorts between them. So neighbours prove nothing. Among paths that
arrive in ascending order, those that a later path may lie below form a stack; what a tree holds is asked for by key.
The error names the inner path of the two, as the original does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import AFTER_SLASH, FILES
from hathi.storage.filesets.errors import PathCollision
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.filesets.nodes import Nodes


class Collisions:
    """Watches the files that a fold puts, in ascending order of their keys, over the tree it starts from."""

    def __init__(self, nodes: Nodes, base_root: bytes) -> None:
        self._nodes = nodes
        self._base = base_root
        self._open: list[bytes] = []  # files put before, below which the next may still lie
        self._parent = b""  # the directory whose ancestors were looked at last
        self._near: list[bytes] = []  # keys of the base, about those that were looked for last
        self._suspects: list[bytes] = []

    def changed(self, key: bytes) -> None:
        """Take note of a file that was put. Raises PathCollision when it collides with another that was."""
        while self._open and self._open[-1] + AFTER_SLASH <= key:
            self._open.pop()
        for earlier in self._open:
            if key.startswith(earlier + b"/"):
                raise PathCollision(key.decode())
        self._open.append(key)
        if self._base != EMPTY_ROOT and self._collides_with_base(key):
            self._suspects.append(key)

    def verify(self, root: bytes) -> None:
        """Look again, in the finished tree, at what collided with the base: perhaps the other one has gone.

        Raises PathCollision when it has not.
        """
        for key in self._suspects:
            if (inner := self._first_below(root, key)) is not None:
                raise PathCollision(inner.decode())
            for ancestor in _ancestors(key):
                if self._has(root, ancestor):
                    raise PathCollision(key.decode())

    def _collides_with_base(self, key: bytes) -> bool:
        parent = key[: key.rindex(b"/")]
        if parent != self._parent and any(self._has(self._base, ancestor) for ancestor in _ancestors(key)):
            return True  # and the next file in this directory does as well
        self._parent = parent
        prefix = key + b"/"
        if not self._near or not self._near[0] <= prefix <= self._near[-1]:
            self._near = tree.around(FILES, self._nodes, self._base, prefix)
        place = bisect_left(self._near, prefix)
        return place < len(self._near) and self._near[place].startswith(prefix)

    def _has(self, root: bytes, key: bytes) -> bool:
        return tree.get(FILES, self._nodes, root, key) is not None

    def _first_below(self, root: bytes, key: bytes) -> bytes | None:
        prefix = key + b"/"
        found = tree.first(FILES, self._nodes, root, prefix)
        return found if found is not None and found.startswith(prefix) else None


def _ancestors(key: bytes) -> Iterator[bytes]:
    """Yield the keys that the directories above a file would have if they were files, the nearest first."""
    end = key.rfind(b"/")
    while end > 0:
        yield key[:end]
        end = key.rfind(b"/", 0, end)
