"""What workers report, taken with care.

A worker may be wrong: of another version, or ill. What it reports is looked at before it becomes part of an index that
later jobs build on, and what cannot be used fails the job, for trying again would not change it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from hathi.model import paths
from hathi.model.errors import InternalError, InvalidError, PreconditionError
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.pipelines.rows.sets import SetRow
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.interface import ChunkMissing, NodeReader
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of
from hathi.storage.filesets.files import FileTree, diff_files
from hathi.storage.filesets.node import CorruptNode

_OUTCOMES = (DatumState.SUCCESS, DatumState.FAILED, DatumState.RECOVERED)
_GARBLED = (ValueError, TypeError, IndexError, struct.error, InternalError)


class UnusableReport(PreconditionError):
    """What a worker reported cannot be taken. datum: id of the datum concerned, "" when it is a set as a whole."""

    def __init__(self, why: str, datum: str = "") -> None:
        about = f" of datum {datum}" if datum else ""
        super().__init__(f"what a worker reported{about} cannot be used: {why}")
        self.datum = datum


def records_of(nodes: NodeReader, one: SetRow) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and encoded record of each datum of a set that is done, by key. Raises UnusableReport."""
    if not one.index_root:
        raise UnusableReport(f"it has no records of the set's {one.count} datums")
    try:
        (count, *_) = tree.measure(DATUMS, nodes, one.index_root)
        if count != one.count:
            raise UnusableReport(f"it has {count} records, but the set {one.count} datums")
        for key, value in tree.scan(DATUMS, nodes, one.index_root):
            _check(key, value)
            yield key, value
    except (CorruptNode, ChunkMissing) as error:
        raise UnusableReport(error.message) from error


def files_of(nodes: NodeReader, record: DatumRecord) -> Iterator[tuple[str, Content]]:
    """Yield the files that a datum wrote, by path. Raises UnusableReport."""
    with _usable(record):
        for path, encoded in record.outputs:
            yield _writable(path), Content.decode(encoded)
        if record.output_root:
            for stat in FileTree(nodes, record.output_root).files():
                yield _writable(stat.path), stat.content or Content(0)


def changed_files(
    nodes: NodeReader, old: DatumRecord, now: DatumRecord
) -> Iterator[tuple[str, Content | None, Content | None]]:
    """Yield path, old and new content of each file that differs, of two records with trees. Raises UnusableReport."""
    with _usable(now):
        for path, before, after in diff_files(nodes, old.output_root, now.output_root):
            yield _writable(path), before, after


@contextmanager
def _usable(record: DatumRecord) -> Iterator[None]:
    try:
        yield
    except (InvalidError, *_GARBLED) as error:
        raise UnusableReport(str(error), record.id) from error


def _check(key: bytes, value: bytes) -> None:
    try:
        record = DatumRecord.decode(value)
    except _GARBLED as error:
        raise UnusableReport(f"its record is garbled: {error}", key.hex()) from error
    if key_of(record.id) != key:
        raise UnusableReport(f"its record is one of {record.id}", key.hex())
    if record.state not in _OUTCOMES:
        raise UnusableReport(f"its state is {record.state.name.lower()}", record.id)


def _writable(path: str) -> str:
    if path == paths.ROOT or paths.validate(path) != path:
        raise InvalidError(f"path ({path}) is not one of a file")
    return path
