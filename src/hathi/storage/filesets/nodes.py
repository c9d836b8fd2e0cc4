"""Where trees keep their nodes: decoded ones in memory, encoded ones in a store below.

One operation touches the same few nodes again and again, so `Nodes` remembers what it decoded; pass one wherever a
store is asked for and several operations share that memory. `Overlay` is a store for nodes that are needed only for a
while, such as those of a directory's derived tree: what is put into it never reaches the store below.
"""

from __future__ import annotations

from collections.abc import Callable

from blake3 import blake3

from hathi.storage.chunks.interface import NodeReader, NodeStore
from hathi.storage.filesets.node import Node, Schema, decode, encode

REMEMBERED_ENTRIES = 100_000
"""How many decoded entries one `Nodes` remembers at most: about 25 MB when all of them are files of one chunk."""


class Overlay:
    """A store whose own nodes stand in memory and are forgotten with it; it reads through to the store below."""

    def __init__(self, below: NodeReader) -> None:
        self._below = below
        self._own: dict[bytes, bytes] = {}

    def get(self, id: bytes) -> bytes:
        """Return the bytes of a node, its own or from below."""
        own = self._own.get(id)
        return self._below.get(id) if own is None else own

    def put(self, data: bytes) -> bytes:
        """Keep a node in memory and return its id."""
        id = blake3(data).digest()
        self._own[id] = data
        return id


class Nodes:
    """Decoded nodes of a store that is only read. Safe to share between threads, which at worst decode a node twice.

    on_read: called with a node's id whenever one is asked for, remembered or not; for counting.
    """

    def __init__(
        self, store: NodeReader, *, on_read: Callable[[bytes], None] | None = None, remember: int = REMEMBERED_ENTRIES
    ) -> None:
        self._store = store
        self._on_read = on_read
        self._generation = remember // 2
        # Two generations instead of an exact order of use: a node that is used again moves to the young one, and when
        # that is full the old one is dropped. No lock, and no bookkeeping on a hit.
        self._young: dict[bytes, Node] = {}
        self._old: dict[bytes, Node] = {}
        self._young_entries = 0

    def get(self, id: bytes) -> bytes:
        """Return the bytes of a node, or of anything else in the store."""
        return self._store.get(id)

    def load(self, schema: Schema, id: bytes) -> Node:
        """Return a decoded node; its lists must not be changed."""
        if self._on_read is not None:
            self._on_read(id)
        node = self._young.get(id)
        if node is None:
            node = self._old.get(id)
            if node is None:
                node = decode(schema, self._store.get(id))
            self._remember(id, node)
        return node

    def _remember(self, id: bytes, node: Node) -> None:
        self._young[id] = node
        self._young_entries += len(node.keys)
        if self._young_entries > self._generation:
            self._old = self._young
            self._young = {}
            self._young_entries = 0


class WritableNodes(Nodes):
    """Decoded nodes of a store that is also written.

    on_write: called with a node's id whenever one is written, new to the store or not; for counting.
    """

    def __init__(
        self,
        store: NodeStore,
        *,
        on_read: Callable[[bytes], None] | None = None,
        on_write: Callable[[bytes], None] | None = None,
        remember: int = REMEMBERED_ENTRIES,
    ) -> None:
        super().__init__(store, on_read=on_read, remember=remember)
        self._put = store.put
        self._on_write = on_write

    def put(self, data: bytes) -> bytes:
        """Keep the bytes of a node and return its id."""
        return self._put(data)

    def save(self, schema: Schema, node: Node) -> bytes:
        """Write a node and return its id."""
        id = self._put(encode(schema, node))
        if self._on_write is not None:
            self._on_write(id)
        return id


class Unsaved(WritableNodes):
    """Reads through to other nodes and keeps what is written to itself: for trees of which only the root is wanted."""

    def __init__(self, below: Nodes) -> None:
        super().__init__(Overlay(below))
        self._below = below
        self._own: dict[bytes, Node] = {}

    def load(self, schema: Schema, id: bytes) -> Node:
        """Return a node, its own or from below."""
        own = self._own.get(id)
        return self._below.load(schema, id) if own is None else own

    def save(self, schema: Schema, node: Node) -> bytes:
        """Return the id that the node would have."""
        id = blake3(encode(schema, node)).digest()
        self._own[id] = node
        return id


def reading(store: NodeReader) -> Nodes:
    """Return `store` itself if it remembers decoded nodes already, else `Nodes` over it."""
    return store if isinstance(store, Nodes) else Nodes(store)


def writing(store: NodeStore) -> WritableNodes:
    """Return `store` itself if it remembers decoded nodes already, else `WritableNodes` over it."""
    return store if isinstance(store, WritableNodes) else WritableNodes(store)
