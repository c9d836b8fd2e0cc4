"""A datum index, shown as the files that a meta repo has:

    /meta/<datum id>/meta            what is known of the datum, in JSON
    /pfs/<datum id>/<input>/<path>   each file that it read
    /pfs/<datum id>/out/<path>       each file that it wrote

Nothing of that is stored. Who asks for places below one datum gets the tree of that datum, made on the spot; who asks
for more has the tree of all of them made first, which lies in a temporary file. Contents of inputs and outputs are
references; only the JSON is new.
"""

from __future__ import annotations

import base64
import json
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from hathi.model import paths
from hathi.model.errors import NotFoundError
from hathi.model.globs import compile_glob
from hathi.model.pps import DatumInput, DatumState
from hathi.model.records import DatumRecord
from hathi.model.references import META, Commit
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.reported import files_of
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.interface import NodeReader
from hathi.storage.chunks.scratch import Scratch
from hathi.storage.filesets import tree
from hathi.storage.filesets.datum_inputs import inputs_of
from hathi.storage.filesets.entry import FILES, key_of
from hathi.storage.filesets.files import FileStat, FileTree
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.filesets.nodes import Nodes
from hathi.versioning import commits
from hathi.versioning.projections import Projection
from hathi.versioning.store import Store

_KEPT = 2
"""Indexes whose whole tree is kept for the next reader; a million datums are some hundred megabytes of disk."""

_ID_LENGTH = 64

_STATES = {DatumState.SUCCESS: "PROCESSED", DatumState.FAILED: "FAILED", DatumState.RECOVERED: "RECOVERED"}


def register(store: Store) -> None:
    """Let meta repos be read as files; called once, while the program is put together."""

    @lru_cache(maxsize=_KEPT)
    def project(root: bytes) -> Projection:
        shown = MetaTree(store, root)
        return Projection(shown, shown.read)

    store.projections.register(META, project)


class MetaTree(FileTree):
    """The files of a datum index. Each question goes to the smallest tree that can answer it."""

    def __init__(self, store: Store, index: bytes) -> None:
        super().__init__(store.nodes, EMPTY_ROOT)
        self._store = store
        self._index = DatumIndex(store.nodes, index)
        self._shelf = _Shelf(store.chunks)
        self._lock = threading.Lock()
        self._whole: FileTree | None = None

    @property
    def count(self) -> int:
        """How many files there are."""
        return self._all().count

    @property
    def size(self) -> int:
        """The sum of their sizes, in bytes."""
        return self._all().size

    def stat(self, path: str) -> FileStat | None:
        """See `FileTree.stat`."""
        return self._around(path).stat(path)

    def list(self, path: str = "/", after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileStat]:
        """See `FileTree.list`."""
        return self._around(path).list(path, after, number, reverse)

    def walk(self, path: str = "/", after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileStat]:
        """See `FileTree.walk`."""
        return self._around(path).walk(path, after, number, reverse)

    def glob(self, pattern: str, check: Callable[[], None] | None = None) -> Iterator[FileStat]:
        """See `FileTree.glob`."""
        glob = compile_glob(pattern)
        prefix = glob.literal_prefix
        return self._around(prefix if glob.is_literal else paths.parent(prefix)).glob(pattern, check)

    def files(self, path: str = "/") -> Iterator[FileStat]:
        """See `FileTree.files`."""
        return self._around(path).files(path)

    def read(self, content: Content, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file from an offset."""
        own = next(iter(content.chunks), None)
        if own is not None and self._shelf.has(own[0]):
            return iter((self._shelf.get(own[0])[offset:],))
        return self._store.chunks.read(content, offset)

    def _around(self, path: str) -> FileTree:
        """Return the tree of the one datum that a path lies in, or of all."""
        top, _, rest = paths.clean(path)[1:].partition("/")
        id = rest.partition("/")[0]
        if top not in ("meta", "pfs") or len(id) != _ID_LENGTH or not set(id) <= set("0123456789abcdef"):
            return self._all()
        with self._lock:
            record = self._index.get(id)
            return self._tree(() if record is None else _entries(self._shelf, record, self._inputs(record)))

    def _all(self) -> FileTree:
        with self._lock:
            if self._whole is None:
                self._whole = self._tree(self._every_entry())
            return self._whole

    def _tree(self, entries: Iterable[tuple[bytes, bytes]]) -> FileTree:
        return FileTree(Nodes(self._shelf), tree.build(FILES, self._shelf, entries))

    def _every_entry(self) -> Iterator[tuple[bytes, bytes]]:
        for record in self._index.records():
            yield _meta_entry(self._shelf, record, inputs_of(self._store.nodes, record))
        trees: dict[Commit, FileTree | None] = {}
        for record in self._index.records():
            yield from _file_entries(record, self._inputs(record, trees), self._store.nodes)

    def _inputs(
        self, record: DatumRecord, known: dict[Commit, FileTree | None] | None = None
    ) -> Iterator[tuple[DatumInput, FileTree]]:
        """Yield the inputs of a datum, each with the tree it was read from; not those whose commit is gone."""
        trees = {} if known is None else known
        for part in inputs_of(self._store.nodes, record):
            if part.commit not in trees:
                trees[part.commit] = self._open(part.commit)
            files = trees[part.commit]
            if files is not None:
                yield part, files

    def _open(self, commit: Commit) -> FileTree | None:
        try:
            with self._store.db.read() as tx:
                root = commits.root_of(tx, commit)
        except NotFoundError:
            return None
        if root is None:
            return None
        project = self._store.projections.of(commit.repo.type)
        return FileTree(self._store.nodes, root) if project is None else project(root).tree


class _Shelf:
    """Where what was made up lies: in a temporary file, before all that is stored. It vanishes with its last reader."""

    def __init__(self, below: NodeReader) -> None:
        self._below = below
        self._own = Scratch()
        weakref.finalize(self, self._own.close)

    def has(self, id: bytes) -> bool:
        """Return whether it was made up."""
        return id in self._own

    def get(self, id: bytes) -> bytes:
        """Return the bytes of a node or a file."""
        return self._own.get(id) if id in self._own else self._below.get(id)

    def put(self, data: bytes) -> bytes:
        """Keep bytes and return their id. Not from two threads at once."""
        return self._own.put(data)


def _entries(
    shelf: _Shelf, record: DatumRecord, inputs: Iterator[tuple[DatumInput, FileTree]]
) -> Iterator[tuple[bytes, bytes]]:
    yield _meta_entry(shelf, record, inputs_of(shelf, record))
    yield from _file_entries(record, inputs, shelf)


def _meta_entry(shelf: _Shelf, record: DatumRecord, inputs: Iterable[DatumInput]) -> tuple[bytes, bytes]:
    data = json.dumps(described(record, inputs), separators=(",", ":")).encode()
    return key_of(f"/meta/{record.id}/meta"), Content(len(data), ((shelf.put(data), len(data)),)).encode()


def _file_entries(
    record: DatumRecord, inputs: Iterator[tuple[DatumInput, FileTree]], nodes: NodeReader
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of what a datum read and wrote, by key."""
    top = f"/pfs/{record.id}"
    found: dict[bytes, bytes] = {}
    for part, files in inputs:
        for stat in files.files(part.path):
            found[key_of(f"{top}/{part.name}{stat.path}")] = (stat.content or Content(0)).encode()
    for path, content in files_of(nodes, record):
        found[key_of(f"{top}/out{path}")] = content.encode()
    for key in sorted(found):
        yield key, found[key]


def described(record: DatumRecord, inputs: Iterable[DatumInput]) -> dict[str, Any]:
    """Return what a datum's `meta` file says, in the JSON form of the original. inputs: what it reads."""
    said: dict[str, Any] = {
        "job": {"id": record.job},
        "inputs": [_input(part) for part in inputs],
        "hash": record.hash,
        "state": _STATES.get(record.state, record.state.name),
        "reason": record.reason,
        "stats": {
            "downloadTime": f"{record.stats.download_seconds:.9f}s",
            "processTime": f"{record.stats.process_seconds:.9f}s",
            "uploadTime": f"{record.stats.upload_seconds:.9f}s",
            "downloadBytes": str(record.stats.download_bytes),
            "uploadBytes": str(record.stats.upload_bytes),
        },
        "index": str(record.index),
        "imageId": record.image,
    }
    return {name: value for name, value in said.items() if value not in ("", "0")}


def _input(part: DatumInput) -> dict[str, Any]:
    repo = part.commit.repo
    named = {"name": repo.name, "type": repo.type, "project": {"name": repo.project}}
    file = {"commit": {"repo": named, "id": part.commit.id}, "path": part.path}
    info = {"file": file, "sizeBytes": str(part.size), "hash": base64.b64encode(part.hash).decode()}
    said = {
        "fileInfo": info,
        "name": part.name,
        "branch": part.branch,
        "joinOn": part.join_on,
        "groupBy": part.group_by,
    }
    flags = {"lazy": part.lazy, "emptyFiles": part.empty_files}
    return {name: value for name, value in (said | flags).items() if value}
