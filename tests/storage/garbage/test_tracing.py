"""Marking reaches everything that a root refers to, reads each node once, and remembers bits only."""

from __future__ import annotations

import random

import pytest

from hathi.model.errors import InternalError
from hathi.storage.chunks.content import INLINE_CHUNKS
from hathi.storage.chunks.interface import ChunkMissing
from hathi.storage.chunks.maintenance import open_memory_chunks
from hathi.storage.chunks.store import Chunks
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.node import EMPTY_ROOT, Schema
from hathi.storage.filesets.run import store
from hathi.storage.filesets.writer import RunWriter
from hathi.storage.garbage.marks import Marks, Role
from hathi.storage.garbage.snapshot import take_snapshot
from hathi.storage.garbage.tracing import Tracer, TreeKinds


class Reader:
    """Counts what is read."""

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks
        self.read: list[bytes] = []

    def get_each(self, ids):
        for id in ids:
            self.read.append(id)
            yield self.chunks.get(id)


@pytest.fixture
def chunks():
    chunks = open_memory_chunks()
    yield chunks
    chunks.close()


def written(chunks: Chunks, files: dict[str, bytes], base: bytes = EMPTY_ROOT) -> bytes:
    """Store files and return the root of a tree of them, on top of another."""
    with chunks.upload() as upload:
        edits = [tree.Put(path.encode(), upload.content([data]).encode()) for path, data in sorted(files.items())]
        root = tree.apply(FILES, upload, base, edits)
        register(chunks, upload)
    return root


def register(chunks: Chunks, upload) -> None:
    chunks.ledger.register(upload, upload.seal())


def fresh_marks(chunks: Chunks) -> Marks:
    return take_snapshot(chunks.objects, chunks.ledger).marks()


def traced(chunks: Chunks, *roots: bytes, kinds: TreeKinds | None = None, reader: Reader | None = None) -> Marks:
    marks = fresh_marks(chunks)
    for _ in Tracer(kinds or TreeKinds(), reader or Reader(chunks), marks).trace(roots):
        pass
    return marks


def reached(marks: Marks) -> int:
    return sum(use.chunks for use in marks.use.values())


def test_everything_below_a_root_is_marked_and_nothing_else(chunks) -> None:
    first = written(chunks, {f"/{n}": b"file %d" % n for n in range(2000)})
    other = written(chunks, {"/other": b"other"})
    marks = traced(chunks, first)
    packs = {pack.name: pack for pack in chunks.ledger.catalogue().packs}
    (used,) = marks.use
    assert marks.use[used].chunks == packs[used].chunks
    assert reached(traced(chunks, first, other)) == sum(pack.chunks for pack in packs.values())


@pytest.mark.parametrize("versions", [1, 40])
def test_each_node_is_read_once_however_many_trees_share_it(chunks, versions: int) -> None:
    roots = [written(chunks, {f"/{n}": b"file %d" % n for n in range(5000)})]
    for version in range(1, versions):
        roots.append(written(chunks, {"/17": b"version %d" % version}, roots[-1]))
    reader = Reader(chunks)
    traced(chunks, *roots, *roots, reader=reader)
    assert len(reader.read) == len(set(reader.read))
    shared = Reader(chunks)
    traced(chunks, roots[0], reader=shared)
    assert len(reader.read) <= len(shared.read) + 3 * (versions - 1)


def test_memory_is_three_bits_for_each_stored_chunk(chunks) -> None:
    root = written(chunks, {f"/{n}": b"file %d" % n for n in range(10_000)})
    marks = traced(chunks, root)
    assert marks.memory <= 3 * (reached(marks) / 8 + 1)


def test_the_chunks_of_a_run_and_of_a_large_file_are_reached(chunks) -> None:
    with chunks.upload() as upload, RunWriter(upload) as writer:
        large = upload.content([random.Random(1).randbytes(2 * INLINE_CHUNKS << 20)])
        assert large.listed is not None
        writer.delete_tree("/gone")
        writer.put("/large", large)
        writer.put("/a", upload.content([b"1"]))
        writer.put("/a", upload.content([b"2"]), append=True)
        writer.put("/empty", upload.content([]))
        run = store(upload, writer.changes())
        register(chunks, upload)
    marks = traced(chunks, run)
    assert reached(marks) == sum(pack.chunks for pack in chunks.ledger.catalogue().packs)


def test_a_file_that_holds_the_bytes_of_a_node_does_not_hide_the_node(chunks) -> None:
    root = written(chunks, {f"/{n}": b"file %d" % n for n in range(1000)})
    copy = written(chunks, {"/node": chunks.get(root)})
    marks = traced(chunks, copy, root)
    assert reached(marks) == sum(pack.chunks for pack in chunks.ledger.catalogue().packs)


def test_a_chunk_stored_twice_counts_once(chunks) -> None:
    with chunks.upload() as one, chunks.upload() as two:
        roots = []
        for upload in (one, two):
            roots.append(tree.build(FILES, upload, [(b"/a", upload.content([b"same"]).encode())]))
        register(chunks, one)
        register(chunks, two)
    assert roots[0] == roots[1]
    assert reached(traced(chunks, *roots)) == 2


def test_what_was_written_after_the_tables_were_read_is_followed_all_the_same(chunks) -> None:
    old = written(chunks, {f"/{n}": b"file %d" % n for n in range(1000)})
    marks = fresh_marks(chunks)
    new = written(chunks, {"/17": b"new"}, old)
    for _ in Tracer(TreeKinds(), Reader(chunks), marks).trace([new]):
        pass
    # All but the file that was replaced, and the nodes above it.
    assert 1 <= sum(pack.chunks for pack in chunks.ledger.catalogue().packs) - reached(marks) <= 10


def test_a_tree_that_cannot_be_read_or_understood_stops_the_collection(chunks) -> None:
    class Strange(Schema):
        name = "strange"

    with chunks.upload() as upload:
        strange = tree.build(Strange(), upload, [(b"a", b"b")])
        register(chunks, upload)
    with pytest.raises(InternalError, match="strange"):
        traced(chunks, strange)
    with pytest.raises(ChunkMissing):
        traced(chunks, b"\1" * 32)
    with pytest.raises(InternalError, match="no root"):
        traced(chunks, b"short")


def test_empty_trees_refer_to_nothing(chunks) -> None:
    assert reached(traced(chunks, EMPTY_ROOT, b"")) == 0


def test_little_is_read_at_a_time(chunks) -> None:
    root = written(chunks, {f"/{n}": b"file %d" % n for n in range(20_000)})
    reader = Reader(chunks)
    read = 0
    for _ in Tracer(TreeKinds(), reader, fresh_marks(chunks)).trace([root]):
        assert len(reader.read) - read <= 16
        read = len(reader.read)
    assert read > 16


def test_a_mark_in_one_role_says_nothing_of_the_others(chunks) -> None:
    root = written(chunks, {"/a": b"a"})
    marks = fresh_marks(chunks)
    assert [marks.add(root, role) for role in (*Role, *Role)] == [True] * 3 + [False] * 3
    assert reached(marks) == 1
