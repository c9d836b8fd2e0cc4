"""Where the leaves of an input read: one state of the input repos, as commits and their trees of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hathi.model.inputs import Leaf
from hathi.model.references import Branch, Commit
from hathi.storage.chunks.interface import NodeReader
from hathi.storage.filesets.files import FileStat, FileTree


@dataclass(frozen=True, slots=True)
class Head:
    """A commit that an input branch has in some state, and the root of its tree (32 bytes)."""

    commit: Commit
    root: bytes


class Trees:
    """The file trees that the leaves of one input read, in one state of its repos."""

    def __init__(
        self, store: NodeReader, heads: Mapping[Branch, Head], check: Callable[[], None] | None = None
    ) -> None:
        """check: called now and then while globs are matched; what it raises ends that."""
        self.store = store
        self._check = check
        self._heads = heads
        self._trees: dict[bytes, FileTree] = {}

    def root(self, leaf: Leaf) -> bytes:
        """Return the root of the tree that a leaf reads."""
        return self._heads[leaf.source].root

    def commit(self, leaf: Leaf) -> Commit:
        """Return the commit that a leaf reads."""
        return self._heads[leaf.source].commit

    def of(self, leaf: Leaf) -> FileTree:
        """Return the tree that a leaf reads."""
        root = self.root(leaf)
        if root not in self._trees:
            self._trees[root] = FileTree(self.store, root)
        return self._trees[root]

    def glob(self, leaf: Leaf) -> Iterator[FileStat]:
        """Yield what a leaf's glob matches."""
        return self.of(leaf).glob(leaf.glob, self._check)
