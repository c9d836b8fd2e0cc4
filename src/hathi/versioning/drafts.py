"""What an open commit would be if it were finished now: its runs folded into a tree that nobody will ever name.

The tree's new nodes are in a temporary file. A draft is kept for the next reader, and when only runs were added since,
only they are folded: folding is associative.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from hathi.storage.chunks.content import Content
from hathi.storage.chunks.draft import Draft as Nodes
from hathi.storage.chunks.store import Chunks
from hathi.storage.filesets.fold import fold

_KEPT = 2
"""Drafts kept for the next reader; one costs about 200 bytes of disk for each changed file."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The tree of an open commit. base: the tree it starts from; runs: those folded so far, in order."""

    base: bytes
    runs: tuple[bytes, ...]
    root: bytes
    nodes: Nodes

    def read(self, content: Content, offset: int, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes of a file, which may be in the draft only, as an appended end is."""
        return self.nodes.read(content, offset, length)


class Drafts:
    """The drafts of a process, by the key of their commit. Thread-safe."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Draft] = OrderedDict()

    def get(self, commit_id: int, base: bytes, runs: tuple[bytes, ...]) -> Draft:
        """Return the draft of a commit whose runs are `runs`. Raises PathCollision."""
        with self._lock:
            known = self._kept.get(commit_id)
        if known is not None and known.base == base and known.runs == runs[: len(known.runs)]:
            added = runs[len(known.runs) :]
            root = fold(known.nodes, known.root, added) if added else known.root
            draft = Draft(base, runs, root, known.nodes)
        else:
            nodes = self._chunks.draft()
            draft = Draft(base, runs, fold(nodes, base, runs), nodes)
        with self._lock:
            self._kept[commit_id] = draft
            self._kept.move_to_end(commit_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return draft

    def forget(self, commit_id: int) -> None:
        """Drop the draft of a commit that is closed."""
        with self._lock:
            self._kept.pop(commit_id, None)
