"""Gathering changes of files, in whatever order they come, into one sorted run, in bounded memory.

Changes are gathered in layers: within one the deletions of ranges come first, so a range deleted after something was
put begins the next. When the layers hold too much they are written as one run to a temporary store. In the end all that
was spilled and what is left are a row of changes like any other, and become the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from hathi.model import paths
from hathi.storage.chunks.content import Content, encoded_size
from hathi.storage.chunks.interface import NodeStore
from hathi.storage.chunks.scratch import Scratch
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES, below, end_of, key_of
from hathi.storage.filesets.nodes import WritableNodes, writing
from hathi.storage.filesets.ops import DELETION, Kind, Op, Range, combine_encoded, encode_op, encode_put
from hathi.storage.filesets.run import Changes, StoredRun, store

SPILL_BYTES = 32 << 20
"""How much a writer gathers in memory before it spills, by its own estimate."""

_COST = 180  # bytes that one operation takes in memory, besides its key and its value


class _Layer:
    """Deleted ranges, then operations: a run that is still growing."""

    def __init__(self) -> None:
        self._ranges: list[Range] = []
        self._ops: dict[bytes, bytes] = {}
        self._more: dict[bytes, list[bytes]] = {}  # of the few paths that have several operations: all of them

    def takes_ranges(self) -> bool:
        return not self._ops

    def delete_range(self, range_: Range) -> None:
        self._ranges.append(range_)

    def add(self, key: bytes, value: bytes) -> None:
        if key in self._ops:
            self._more.setdefault(key, [self._ops[key]]).append(value)
        else:
            self._ops[key] = value

    def ranges(self) -> list[Range]:
        return sorted(self._ranges)

    def ops(self) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(self._ops):
            yield key, combine_encoded(self._more[key]) if key in self._more else self._ops[key]


class RunWriter:
    """Gathers changes and writes them as a run. Requests take effect in the order in which they are made.

    Paths are clean. on_clash: "append" lets one path be put under several labels, "refuse" makes `finish` raise
    DuplicatePath when one was (and was not deleted in between). A context manager, which only gives temporary space
    back; for one thread.
    """

    def __init__(self, upload: NodeStore, *, on_clash: str = "append", spill_bytes: int = SPILL_BYTES) -> None:
        self._nodes = writing(upload)
        self._on_clash = on_clash
        self._spill_bytes = spill_bytes
        self._gathered = 0
        self._layers = [_Layer()]
        self._scratch: Scratch | None = None
        self._scratch_nodes: WritableNodes | None = None
        self._spilled: list[bytes] = []

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put(self, path: str, content: Content, *, append: bool = False, label: str = "") -> None:
        """Put a file, or with `append` add to its end; it is made if missing."""
        self._put(_file_key(path), content.encode() if content.size else None, append, label)

    def delete(self, path: str) -> None:
        """Delete a file; of what is absent or a directory: nothing happens."""
        self._add(_file_key(path), DELETION)

    def delete_tree(self, dir_path: str) -> None:
        """Delete a directory with all in it; of what is absent or a file: nothing happens."""
        prefix = below(dir_path)
        if not self._layers[-1].takes_ranges():
            self._layers.append(_Layer())
        self._layers[-1].delete_range((prefix, end_of(prefix)))
        self._gather(len(prefix))

    def delete_all(self) -> None:
        """Delete everything."""
        self.delete_tree("/")

    def copy_tree(
        self, src_root: bytes, src_path: str, dst_path: str, *, append: bool = False, label: str = ""
    ) -> None:
        """Put a file or a directory of a file tree at `dst_path`, in the place of what is there unless `append`.

        Of an absent source nothing is put (but the destination deleted, unless `append`). Raises InvalidError when a
        path would become too long.
        """
        if not append:
            self.delete_tree(dst_path)
            if dst_path != "/":
                self.delete(dst_path)
        entry = tree.get(FILES, self._nodes, src_root, key_of(src_path))
        if entry is not None:
            self._put(_file_key(dst_path), _part(entry), append, label)
        source, target = below(src_path), below(dst_path)
        longest = paths.MAX_PATH - len(target) + len(source)
        for keys, values in tree.batches(FILES, self._nodes, src_root, source, end_of(source)):
            for key, value in zip(keys, values, strict=True):
                if len(key) > longest:
                    paths.validate((target + key[len(source) :]).decode())
                self._put(target + key[len(source) :], _part(value), append, label)

    def changes(self) -> list[Changes]:
        """Return what was gathered, to be folded without storing it as a run; it is valid until the writer is closed.

        Labels that clash are left to whoever folds it.
        """
        return [*self._spilled_runs(), *self._layers]

    def finish(self) -> bytes:
        """Write the run and return its root; the writer is used up. Raises DuplicatePath."""
        root = store(self._nodes, self.changes(), self._on_clash)
        self.close()
        return root

    def close(self) -> None:
        """Give temporary space back; what was not finished is forgotten."""
        if self._scratch is not None:
            self._scratch.close()
        self._layers, self._scratch, self._scratch_nodes, self._spilled = [_Layer()], None, None, []

    def _put(self, key: bytes, part: bytes | None, append: bool, label: str) -> None:
        kind = Kind.APPEND if append else Kind.REPLACE
        self._add(key, encode_op(Op(kind, (), (label,))) if part is None else encode_put(kind, part, label))

    def _add(self, key: bytes, value: bytes) -> None:
        self._layers[-1].add(key, value)
        self._gather(len(key) + len(value))

    def _gather(self, size: int) -> None:
        self._gathered += size + _COST
        if self._gathered > self._spill_bytes:
            self._spill()

    def _spill(self) -> None:
        if self._scratch is None:
            self._scratch = Scratch()
            self._scratch_nodes = WritableNodes(self._scratch, remember=0)
        assert self._scratch_nodes is not None
        self._spilled.append(store(self._scratch_nodes, self._layers))
        self._layers = [_Layer()]
        self._gathered = 0

    def _spilled_runs(self) -> list[StoredRun]:
        if self._scratch_nodes is None:
            return []
        return [StoredRun(self._scratch_nodes, root) for root in self._spilled]


def _file_key(path: str) -> bytes:
    """Return the key of a file; a path that is not clean, or the root, is a mistake of ours."""
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"{path!r} is not a clean path of a file")
    return key_of(path)


def _part(entry: bytes) -> bytes | None:
    """Return a file's entry as a part of an operation: none when the file is empty."""
    return entry if encoded_size(entry) else None
