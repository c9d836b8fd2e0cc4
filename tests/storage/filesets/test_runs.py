"""Runs agree with a plain dictionary of files, in whatever grouping they are composed and folded."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hathi.storage.chunks.content import EMPTY_CONTENT
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.errors import DuplicatePath, PathCollision
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.fold import fold
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.filesets.run import EMPTY_RUN, compose, run_size
from hathi.storage.filesets.writer import RunWriter

quick = settings(deadline=None, max_examples=80)
path_numbers = st.integers(0, 47)
LABELS = ["d1", "d2", "d3"]
requests = st.one_of(
    st.tuples(st.sampled_from(["put", "append"]), path_numbers, st.binary(max_size=2), st.sampled_from(LABELS)),
    st.tuples(st.just("delete"), path_numbers),
    st.tuples(st.just("delete_tree"), st.sampled_from(["/", "/a", "/a/b", "/b", "/c.txt"])),
)
streams = st.lists(requests, max_size=12)
SOURCE = {"/a/b": b"source", "/a/c/d": b"more", "/a-b": b"", "/z": b"z"}


class Model:
    """Files as a dictionary, and under which labels each was put since it was last deleted."""

    def __init__(self, files=None) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self.labels: dict[str, list[str]] = {}

    def put(self, path: str, data: bytes, label: str = "", *, append: bool = False) -> None:
        self.files[path] = self.files.get(path, b"") + data if append else data
        self.labels.setdefault(path, []).append(label)

    def delete(self, path: str) -> None:
        self.files.pop(path, None)
        self.labels.pop(path, None)

    def delete_tree(self, path: str) -> None:
        for other in [other for other in {*self.files, *self.labels} if other.startswith(path.rstrip("/") + "/")]:
            self.delete(other)

    def collides(self) -> bool:
        return any(other.startswith(path + "/") for path in self.files for other in self.files)

    def clashes(self) -> list[tuple[str, str, str]]:
        distinct = {path: list(dict.fromkeys(labels)) for path, labels in self.labels.items()}
        return [(path, *labels[:2]) for path, labels in sorted(distinct.items()) if len(labels) > 1]


@pytest.fixture(scope="session")
def play(paths, content_of):
    """Send a stream of requests to a writer, a model, or both."""

    def run(stream, writer=None, model=None):
        for name, *arguments in stream:
            if name == "delete_tree":
                calls = (arguments, arguments)
            elif name == "delete":
                calls = ([paths[arguments[0]]],) * 2
            else:
                number, data, label = arguments
                calls = ((paths[number], content_of(data), label), (paths[number], data, label))
            for target, call in ((writer, calls[0]), (model, calls[1])):
                if target is None:
                    continue
                if name in ("put", "append"):
                    target.put(*call[:2], label=call[2], append=name == "append")
                else:
                    getattr(target, name)(*call)

    return run


@pytest.fixture(scope="session")
def run_of(play):
    def make(store, stream, **options) -> bytes:
        with RunWriter(store, **options) as writer:
            play(stream, writer)
            return writer.finish()

    return make


@pytest.fixture(scope="session")
def root_of(content_of):
    def make(store, files: dict[str, bytes]) -> bytes:
        items = [(path.encode(), content_of(data).encode()) for path, data in sorted(files.items())]
        return tree.build(FILES, store, items)

    return make


@quick
@given(streams, st.lists(streams, max_size=4), st.sampled_from([1, 3000, 1 << 20]))
def test_folding_runs_does_what_their_requests_do_in_order(
    new_store, play, run_of, root_of, base_stream, row, spill_bytes
):
    store, model = new_store(), Model()
    play(base_stream, model=model)
    if model.collides():
        model = Model()
    base = root_of(store, model.files)
    runs = [run_of(store, stream, spill_bytes=spill_bytes) for stream in row]
    for stream in row:
        play(stream, model=model)
    if model.collides():
        with pytest.raises(PathCollision):
            fold(store, base, runs)
    else:
        assert fold(store, base, runs) == root_of(new_store(), model.files)
        assert fold(store, base, [compose(store, runs)]) == root_of(new_store(), model.files)


@quick
@given(streams, streams, streams)
def test_composing_is_associative_and_has_a_neutral_run(new_store, run_of, a, b, c):
    store = new_store()
    x, y, z = (run_of(store, stream) for stream in (a, b, c))
    left = compose(store, [compose(store, [x, y]), z])
    right = compose(store, [x, compose(store, [y, z])])
    assert left == right == compose(store, [x, y, z]) == run_of(store, [*a, *b, *c])
    assert compose(store, [EMPTY_RUN, x]) == compose(store, [x, EMPTY_RUN]) == x


@quick
@given(streams)
def test_a_run_is_the_same_whether_it_was_spilled_or_not(new_store, run_of, stream):
    store = new_store()
    assert run_of(store, stream, spill_bytes=1) == run_of(store, stream)


@quick
@given(st.lists(streams, min_size=1, max_size=3), st.sampled_from([1, 1 << 20]))
def test_a_path_put_under_two_labels_is_refused_unless_deleted_between(new_store, play, run_of, row, spill_bytes):
    store, model = new_store(), Model()
    whole = [request for stream in row for request in stream]
    play(whole, model=model)
    runs = [run_of(store, stream) for stream in row]
    clashes = model.clashes()
    attempts = [
        lambda: run_of(store, whole, on_clash="refuse", spill_bytes=spill_bytes),
        lambda: compose(store, [*runs, run_of(store, [])], on_clash="refuse"),
    ]
    for attempt in attempts if len(runs) > 1 else attempts[:1]:
        if clashes:
            with pytest.raises(DuplicatePath) as caught:
                attempt()
            assert (caught.value.path, caught.value.label1, caught.value.label2) == clashes[0]
        else:
            attempt()


def test_the_texts_are_the_originals():
    assert str(DuplicatePath("/p", "d1", "d2")) == (
        "duplicate path output by different datums (/p from d1 and /p from d2)"
    )
    assert str(PathCollision("/p")) == "file / directory path collision (/p)"


@pytest.mark.parametrize(
    ("base", "stream", "path"),
    [
        ({}, [("put", "/a"), ("put", "/a-b"), ("put", "/a/b")], "/a/b"),
        ({"/a": b""}, [("put", "/a/b")], "/a/b"),
        ({"/a": b"", "/a-b": b""}, [("put", "/a/b/c/d")], "/a/b/c/d"),
        ({"/a/b/c": b"", "/a-b": b""}, [("put", "/a")], "/a/b/c"),
        ({"/a/b/c": b"", "/a/b-": b""}, [("put", "/a/b")], "/a/b/c"),
        ({"/a/b": b"", "/a/c": b""}, [("delete", "/a/b"), ("put", "/a")], "/a/c"),
    ],
)
def test_a_file_and_a_directory_of_one_name_collide(new_store, root_of, content_of, base, stream, path):
    store = new_store()
    with RunWriter(store) as writer:
        for name, where in stream:
            writer.delete(where) if name == "delete" else writer.put(where, content_of(b"x"))
        run = writer.finish()
    with pytest.raises(PathCollision) as caught:
        fold(store, root_of(store, base), [run])
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("base", "stream", "files"),
    [
        ({"/a": b""}, [("delete", "/a"), ("put", "/a/b")], ["/a/b"]),
        ({"/a/b": b"", "/a/c": b""}, [("delete_tree", "/a"), ("put", "/a")], ["/a"]),
        ({"/a/b": b""}, [("put", "/a"), ("delete", "/a/b")], ["/a"]),
        ({"/a-b": b"", "/a0": b""}, [("put", "/a")], ["/a", "/a-b", "/a0"]),
    ],
)
def test_what_was_deleted_or_only_looks_alike_does_not_collide(new_store, root_of, content_of, base, stream, files):
    store = new_store()
    with RunWriter(store) as writer:
        for name, where in stream:
            getattr(writer, name)(*((where, content_of(b"x")) if name == "put" else (where,)))
        run = writer.finish()
    folded = FileTree(store, fold(store, root_of(store, base), [run]))
    assert [stat.path for stat in folded.files()] == files


@pytest.mark.parametrize(
    ("source", "target", "append", "files"),
    [
        ("/a", "/x", False, {"/x/b": b"source", "/x/c/d": b"more", "/y": b"y"}),
        ("/a", "/x", True, {"/x/b": b"oldsource", "/x/c/d": b"more", "/x/old": b"1", "/y": b"y"}),
        ("/z", "/y", False, {"/x/b": b"old", "/x/old": b"1", "/y": b"z"}),
        ("/z", "/y", True, {"/x/b": b"old", "/x/old": b"1", "/y": b"yz"}),
        ("/z", "/x", False, {"/x": b"z", "/y": b"y"}),
        ("/", "/", False, SOURCE),
        ("/a", "/", False, {"/b": b"source", "/c/d": b"more"}),
        ("/", "/x", False, {**{f"/x{path}": data for path, data in SOURCE.items()}, "/y": b"y"}),
        ("/missing", "/x/old", True, {"/x/b": b"old", "/x/old": b"1", "/y": b"y"}),
    ],
)
def test_copies_take_files_and_directories_along(new_store, root_of, source, target, append, files):
    store = new_store()
    base = root_of(store, {"/x/b": b"old", "/x/old": b"1", "/y": b"y"})
    with RunWriter(store) as writer:
        writer.copy_tree(root_of(store, SOURCE), source, target, append=append)
        run = writer.finish()
    assert fold(store, base, [run]) == root_of(store, files)


def test_putting_no_bytes_makes_an_empty_file(new_store, root_of):
    store = new_store()
    with RunWriter(store) as writer:
        writer.put("/a", EMPTY_CONTENT, append=True)
        writer.put("/b", EMPTY_CONTENT)
        run = writer.finish()
    assert fold(store, root_of(store, {"/a": b"kept", "/b": b"gone"}), [run]) == root_of(
        store, {"/a": b"kept", "/b": b""}
    )
    assert fold(store, EMPTY_ROOT, [run]) == root_of(store, {"/a": b"", "/b": b""})


def test_a_run_tells_how_much_it_touches_and_puts(new_store, run_of):
    store = new_store()
    run = run_of(store, [("put", 1, b"12", "d"), ("append", 1, b"3", "d"), ("delete", 2), ("delete_tree", "/b")])
    assert run_size(store, run) == (2, 3)


def test_a_path_that_is_not_clean_is_a_mistake(new_store):
    with RunWriter(new_store()) as writer:
        for path in ("a", "/a/", "/", ""):
            with pytest.raises(ValueError, match="not a clean path"):
                writer.put(path, EMPTY_CONTENT)


def test_one_file_more_reads_and_writes_one_path_of_a_large_tree(new_store, root_of, content_of):
    store = new_store()
    base = root_of(store, {f"/images/{number:05d}.png": b"x" for number in range(20_000)})
    with RunWriter(store) as writer:
        writer.put("/images/new.png", content_of(b"y"))
        run = writer.finish()
    store.read.clear()
    store.written.clear()
    fold(store, base, [run])
    assert len(store.read) <= 5
    assert len(store.written) <= 4


def test_many_runs_fold_like_one(new_store, root_of, run_of):
    store = new_store()
    runs = [run_of(store, [("append", number % 5, bytes([number]), "d")]) for number in range(40)]
    nested = reduce(lambda row, run: compose(store, [row, run]), runs)
    try:
        assert fold(store, EMPTY_ROOT, [nested]) == fold(store, EMPTY_ROOT, runs)
    except PathCollision:
        pytest.fail("the first paths of the pool collide")
