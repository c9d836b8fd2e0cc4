"""File sets over the real floor below: cut, packed and joined bytes instead of a dictionary."""

from __future__ import annotations

import pytest

from hathi.storage.chunks.maintenance import open_memory_chunks
from hathi.storage.filesets.difference import difference
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.fold import fold
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.filesets.run import compose
from hathi.storage.filesets.writer import RunWriter


@pytest.fixture
def chunks():
    chunks = open_memory_chunks()
    yield chunks
    chunks.close()


def written(upload, files: dict[str, bytes], *, append: bool = False) -> bytes:
    with RunWriter(upload) as writer:
        for path, data in files.items():
            writer.put(path, upload.content([data]), append=append)
        return writer.finish()


def test_appended_files_are_those_that_were_written_at_once(chunks):
    """Parts join to the very entry that the whole would have, so the trees are equal."""
    with chunks.upload() as upload:
        parts = [written(upload, {"/log": b"line %d\n" % number * 1000}, append=True) for number in range(5)]
        whole = b"".join(b"line %d\n" % number * 1000 for number in range(5))
        step_by_step = EMPTY_ROOT
        for part in parts:
            step_by_step = fold(upload, step_by_step, [part])
        at_once = fold(upload, EMPTY_ROOT, [written(upload, {"/log": whole})])
        assert fold(upload, EMPTY_ROOT, parts) == at_once
        assert fold(upload, EMPTY_ROOT, [compose(upload, parts)]) == at_once
        assert step_by_step == at_once


def test_a_sealed_tree_is_read_by_others(chunks):
    files = {f"/{number % 7}/{number}": b"%d" % number for number in range(1000)}
    with chunks.upload() as upload:
        root = fold(upload, EMPTY_ROOT, [written(upload, files)])
        chunks.ledger.register(upload, upload.seal())
    read = FileTree(chunks, root)
    assert {stat.path: b"".join(chunks.read(stat.content)) for stat in read.files()} == files
    assert [stat.path for stat in read.list()] == [f"/{number}" for number in range(7)]
    with chunks.upload() as upload:
        changed = fold(upload, root, [written(upload, {"/3/3": b"other"})])
        assert [key for key, _, _ in difference(FILES, upload, root, changed)] == [b"/3/3"]
