"""The output of a job: the output it starts from, less what datums no longer write, plus what they write now.

Both sides are told by datum indexes. The output tree does not know which datum wrote what, so each path is watched
over here: one that two datums write is an error, whether both wrote it in this job or one of them long ago.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter

from hathi.model.records import DatumRecord
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.reported import changed_files, files_of
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.interface import NodeReader
from hathi.storage.chunks.scratch import Scratch
from hathi.storage.chunks.upload import Upload
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS
from hathi.storage.filesets.difference import difference
from hathi.storage.filesets.entry import key_of
from hathi.storage.filesets.errors import DuplicatePath
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.fold import fold_changes
from hathi.storage.filesets.nodes import Nodes, WritableNodes, writing
from hathi.storage.filesets.ops import RUN
from hathi.storage.filesets.run import StoredRun
from hathi.storage.filesets.writer import RunWriter


@dataclass(frozen=True, slots=True)
class FileChange:
    """What became of a path of one datum: None stands for no file."""

    datum: str
    path: str
    before: Content | None
    after: Content | None


def compose_output(upload: Upload, base_root: bytes, base: DatumIndex, new: DatumIndex) -> bytes:
    """Return the root of the output tree that goes with the index `new`, given the one that goes with `base`.

    Both indexes read through `upload`. Raises DuplicatePath, PathCollision, UnusableReport.
    """
    nodes = writing(upload)
    files = FileTree(nodes, base_root)
    with closing(Scratch()) as scratch, RunWriter(nodes) as run:
        temporary = WritableNodes(scratch)
        vacated = _vacated(nodes, temporary, base, new)
        for change in _file_changes(nodes, base, new):
            if change.after is None:
                continue
            if change.before is None and files.stat(change.path) is not None:
                _check_vacant(nodes, temporary, vacated, new, change)
            run.put(change.path, change.after, label=change.datum)
        row = [StoredRun(temporary, vacated), *run.changes()]
        return fold_changes(upload, base_root, row, on_clash="refuse")


def _vacated(nodes: Nodes, temporary: WritableNodes, base: DatumIndex, new: DatumIndex) -> bytes:
    """Write the run that deletes what datums wrote and no longer do, and return its root."""
    with RunWriter(temporary) as run:
        for change in _file_changes(nodes, base, new, new_datums=False):
            if change.after is None:
                run.delete(change.path)
        return run.finish()


def _check_vacant(nodes: Nodes, temporary: Nodes, vacated: bytes, new: DatumIndex, change: FileChange) -> None:
    """Raise DuplicatePath if another datum still writes this path. (Of a directory there the fold tells.)"""
    if tree.get(RUN, temporary, vacated, key_of(change.path)) is not None:
        return
    for record in new.records():
        if record.id != change.datum and any(path == change.path for path, _ in files_of(nodes, record)):
            raise DuplicatePath(change.path, record.id, change.datum)


def _file_changes(nodes: Nodes, base: DatumIndex, new: DatumIndex, *, new_datums: bool = True) -> Iterator[FileChange]:
    """Yield what became of the files of each datum whose record differs; `new_datums`: also if it is not in `base`."""
    for _, before, after in difference(DATUMS, nodes, base.root, new.root):
        if before is None and not new_datums:
            continue
        old = None if before is None else DatumRecord.decode(before)
        now = None if after is None else DatumRecord.decode(after)
        yield from _datum_changes(nodes, old, now)


def _datum_changes(nodes: Nodes, old: DatumRecord | None, now: DatumRecord | None) -> Iterator[FileChange]:
    known = now or old
    if known is None:
        return
    if old is not None and now is not None and old.output_root and now.output_root:
        for path, before, after in changed_files(nodes, old, now):
            yield FileChange(known.id, path, before, after)
        return
    sides = merge(_tagged(nodes, old, 0), _tagged(nodes, now, 1), key=itemgetter(0))
    for path, group in groupby(sides, key=itemgetter(0)):
        contents: list[Content | None] = [None, None]
        for _, side, content in group:
            contents[side] = content
        if contents[0] != contents[1]:
            yield FileChange(known.id, path, contents[0], contents[1])


def _tagged(nodes: NodeReader, record: DatumRecord | None, side: int) -> Iterator[tuple[str, int, Content]]:
    if record is not None:
        for path, content in files_of(nodes, record):
            yield path, side, content
