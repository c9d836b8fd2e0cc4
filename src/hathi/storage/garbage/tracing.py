"""Following references: from the roots of trees through nodes and chunk lists to every chunk that is reached.

Each node is read once, however many trees share it. Every node says to which kind of tree it belongs, so a root is
nothing but an id. What the entries of a kind of tree refer to is known to whoever keeps such trees, and registered in
`TreeKinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from hathi.model.errors import InternalError
from hathi.storage.chunks.content import chunk_ids, list_ids, listed_chunk_ids
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.node import EMPTY_ROOT, ID_BYTES, Node, Schema, decode, schema_name
from hathi.storage.filesets.ops import OPS_START, RUN, parts_of
from hathi.storage.garbage.marks import Marks, Role

_TOGETHER = 16
"""Chunks that are read together: neighbours in a pack then cost one request. More would make a step take longer."""


class ChunkReader(Protocol):
    """Reads many chunks at a time."""

    def get_each(self, ids: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the bytes of each chunk in turn. Raises ChunkMissing, PackDamaged, StorageUnavailable."""
        ...


class References(Protocol):
    """What the entries of a tree refer to, reported one by one."""

    def tree(self, root: bytes) -> None:
        """Report a tree; b"" stands for none."""
        ...

    def content(self, encoded: bytes) -> None:
        """Report what a file holds, in its encoded form."""
        ...


Leaf = Callable[[Node, References], None]
"""Reports what the entries of a leaf refer to."""


class TreeKinds:
    """What each kind of tree refers to. Filled while the program is put together, read-only afterwards."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[Schema, Leaf]] = {}
        self.register(FILES, _files)
        self.register(RUN, _runs)

    def register(self, schema: Schema, leaf: Leaf) -> None:
        """Follow the entries of trees of this schema so."""
        self._by_name[schema.name] = (schema, leaf)

    def of(self, data: bytes) -> tuple[Schema, Leaf]:
        """Return what to do with a node, given its bytes. Raises InternalError for a tree of an unknown kind."""
        name = schema_name(data)
        if name not in self._by_name:
            raise InternalError(f"garbage collection cannot follow trees of {name!r}; no space is given back")
        return self._by_name[name]


class Tracer:
    """Marks what roots reach. For one thread."""

    def __init__(self, kinds: TreeKinds, reader: ChunkReader, marks: Marks) -> None:
        """Begin with nothing traced.

        Args:
            kinds: how trees are followed.
            reader: where nodes and lists are read.
            marks: where chunks are marked; what is marked there already is not followed again.
        """
        self._kinds = kinds
        self._reader = reader
        self._marks = marks
        self._nodes: list[Sequence[bytes]] = []
        self._lists: list[bytes] = []

    def trace(self, roots: Iterable[bytes]) -> Iterator[None]:
        """Mark everything that the roots reach, and the roots; yields after every few reads, to let others work."""
        for root in roots:
            self.tree(root)
            while self._nodes or self._lists:  # depth first, so that little is waiting at any time
                if self._lists:
                    self._read_lists()
                else:
                    self._read_nodes(self._nodes.pop())
                yield

    def tree(self, root: bytes) -> None:
        """See `References`."""
        if not root or root == EMPTY_ROOT:
            return
        if len(root) != ID_BYTES:
            raise InternalError(f"a reference of {len(root)} bytes is no root of a tree; no space is given back")
        self._open((root,))

    def content(self, encoded: bytes) -> None:
        """See `References`."""
        for id in chunk_ids(encoded):
            self._marks.add(id, Role.DATA)
        for id in list_ids(encoded):
            if self._marks.add(id, Role.LIST):
                self._lists.append(id)

    def _open(self, ids: Sequence[bytes]) -> None:
        fresh = [id for id in ids if self._marks.add(id, Role.NODE)]
        self._nodes += [fresh[at : at + _TOGETHER] for at in range(0, len(fresh), _TOGETHER)]

    def _read_nodes(self, ids: Sequence[bytes]) -> None:
        for data in self._reader.get_each(ids):
            schema, leaf = self._kinds.of(data)
            node = decode(schema, data)
            if node.level:
                self._open(node.values)
            else:
                leaf(node, self)

    def _read_lists(self) -> None:
        ids, self._lists = self._lists[:_TOGETHER], self._lists[_TOGETHER:]
        for data in self._reader.get_each(ids):
            for id in listed_chunk_ids(data):
                self._marks.add(id, Role.DATA)


def _files(leaf: Node, references: References) -> None:
    for value in leaf.values:
        references.content(value)


def _runs(leaf: Node, references: References) -> None:
    for key, value in zip(leaf.keys, leaf.values, strict=True):
        if key >= OPS_START:
            for part in parts_of(value):
                references.content(part)
