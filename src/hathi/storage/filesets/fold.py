"""Finishing a commit: its runs, in order, applied to the tree of files that it starts from.

All changes are merged into one ascending stream of edits, so the cost follows the changes and not the tree. A file and
a directory of one name are found on the way, for changed paths only: among the changes themselves by their order,
against what was there before by probing for the path's ancestors and for what lies below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from heapq import merge
from typing import Protocol

from hathi.storage.chunks.content import EMPTY_CONTENT, Content
from hathi.storage.chunks.interface import NodeStore
from hathi.storage.filesets import tree
from hathi.storage.filesets.collisions import Collisions
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.nodes import Nodes, reading, writing
from hathi.storage.filesets.ops import Kind, kind_of, parts_of
from hathi.storage.filesets.run import Changes, StoredRun, deleted, resolve, unclashed


class Joiner(NodeStore, Protocol):
    """A store that can also put one content behind another, such as `Upload`."""

    def join(self, a: Content, b: Content) -> Content:
        """Return the content of a's bytes followed by b's."""
        ...


def fold(upload: Joiner, base_root: bytes, runs: Sequence[bytes]) -> bytes:
    """Return the root of the tree of files that `runs` make of the tree `base_root`.

    Raises PathCollision; the store then holds nodes that nothing names.
    """
    nodes = reading(upload)
    return fold_changes(upload, base_root, [StoredRun(nodes, run) for run in runs])


def fold_changes(upload: Joiner, base_root: bytes, row: Sequence[Changes], on_clash: str = "append") -> bytes:
    """Do what `fold` does with changes that need not be stored as a run: only the nodes of the result are written.

    on_clash: see `compose`. Raises PathCollision, DuplicatePath.
    """
    nodes = writing(upload)
    ops = resolve(row) if on_clash == "append" else unclashed(resolve(row))
    collisions = Collisions(nodes, base_root)
    deletions = (tree.DeleteRange(start, stop) for start, stop in deleted(row))
    edits = merge(deletions, _edits(upload, nodes, base_root, ops, collisions), key=lambda edit: edit.key)
    root = tree.apply(FILES, nodes, base_root, edits)
    collisions.verify(root)
    return root


def _edits(
    upload: Joiner, nodes: Nodes, base_root: bytes, ops: Iterator[tuple[bytes, bytes]], collisions: Collisions
) -> Iterator[tree.Edit]:
    for key, value in ops:
        kind = kind_of(value)
        if kind is Kind.DELETE:
            yield tree.Delete(key)
            continue
        collisions.changed(key)
        parts = parts_of(value)
        before = tree.get(FILES, nodes, base_root, key) if kind is Kind.APPEND else None
        yield tree.Put(key, _joined(upload, parts if before is None else (before, *parts)))


def _joined(upload: Joiner, parts: Sequence[bytes]) -> bytes:
    """Return the encoded content of the bytes of all parts, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    return reduce(upload.join, map(Content.decode, parts), EMPTY_CONTENT).encode()
