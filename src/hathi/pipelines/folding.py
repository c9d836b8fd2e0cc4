"""What a job comes to: from the sets that are done to its datum index and its output tree, durable but not yet named.

Everything goes through one upload, and so into one pack as a rule; `Folded` then waits for the transaction that
closes the job (`closing`). A crash in between costs nothing but doing it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge

from hathi.metadata.tables.pps import SetKind, SetState
from hathi.metadata.transaction import Transaction
from hathi.model.errors import NotFoundError
from hathi.model.packs import PackRecord
from hathi.pipelines import payloads
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.outputs import compose_output
from hathi.pipelines.planner import base_of
from hathi.pipelines.reported import UnusableReport, records_of
from hathi.pipelines.rows import jobs, sets
from hathi.pipelines.rows.jobs import JobRow
from hathi.pipelines.rows.sets import SetRow
from hathi.storage.chunks.upload import Upload
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of
from hathi.storage.filesets.errors import DuplicatePath, PathCollision
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.nodes import Nodes, writing
from hathi.versioning import commits
from hathi.versioning.store import Store

_BASES = 8
"""Successful jobs whose output is tried as a base. Without any the whole output is made, which is dearer, not wrong."""


@dataclass(frozen=True, slots=True)
class Folded:
    """index, output: roots of trees. size: of the output, in bytes. error: why there is no output, "" when there is.

    index: None when what was reported is of no use.
    upload, packs: what the closing transaction registers; whoever opened the upload ends it after that.
    """

    index: bytes | None
    output: bytes
    size: int
    error: str
    upload: Upload
    packs: Sequence[PackRecord]


def fold_job(store: Store, row: JobRow, upload: Upload, *, with_output: bool) -> Folded:
    """Fold the sets of a job that are done.

    Args:
        store: where they are.
        row: the job.
        upload: an open upload, which the caller ends once the result is named.
        with_output: False makes the index alone, for a job without a result.
    """
    with store.db.read() as tx:
        before = base_of(tx, row)
        start = EMPTY_ROOT if before is None or before.index_root is None else before.index_root
        output_root, output_index = _output_base(tx, row)
        done = [found for found in sets.list_rows(tx, row.id) if found.state is SetState.DONE]
    nodes = writing(upload)
    index, output, error = None, EMPTY_ROOT, ""
    try:
        index = tree.apply(DATUMS, nodes, start, _edits(store, nodes, row, done))
        if with_output:
            output = compose_output(upload, output_root, DatumIndex(nodes, output_index), DatumIndex(nodes, index))
    except (DuplicatePath, PathCollision) as refused:
        error = refused.message
    except UnusableReport as refused:
        index, error = None, refused.message
    size = FileTree(nodes, output).size
    return Folded(index, output, size, error, upload, upload.seal())


def _output_base(tx: Transaction, row: JobRow) -> tuple[bytes, bytes]:
    """Return output tree and datum index of the last success before this job, from which its output is made."""
    for before in jobs.successes_before(tx, row, _BASES):
        if before.index_root is not None:
            with suppress(NotFoundError):  # an output commit that was deleted is no base
                root = commits.root_of(tx, before.job.pipeline.output.commit(before.job.id))
                if root is not None:
                    return root, before.index_root
    return EMPTY_ROOT, EMPTY_ROOT


def _edits(store: Store, nodes: Nodes, row: JobRow, done: Sequence[SetRow]) -> Iterator[tree.Edit]:
    """Yield what the sets do to the index, by ascending key; a datum is in one set only."""
    streams = [_set_edits(store, nodes, row, one) for one in done]
    return merge(*streams, key=lambda edit: edit.key)


def _set_edits(store: Store, nodes: Nodes, row: JobRow, one: SetRow) -> Iterator[tree.Edit]:
    if one.kind is SetKind.RUN:
        for key, value in records_of(nodes, one):
            yield tree.Put(key, value)
        return
    with store.db.read() as tx:
        payload = sets.payload(tx, row.id, one.seq)
    if one.kind is SetKind.DROP:
        for id in payloads.unpack_drops(payload):
            yield tree.Delete(key_of(id))
        return
    for id, source in payloads.unpack_adopts(payload):
        adopted = DatumIndex(nodes, source).encoded(id)
        if adopted is not None:
            yield tree.Put(key_of(id), adopted)
