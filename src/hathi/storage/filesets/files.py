"""Reading a tree of files as people see it: with directories, which exist only as parts of paths.

Whatever is shown comes in the order of the keys, in which a directory stands at its path with a slash behind, right
before what is in it. So `/a-b` comes before the directory `/a`, whose place is `/a/`. A place shown can be named again
as `after` to continue from there. Directories cost nothing to show: their sizes and hashes are derived when somebody
asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from hathi.model import paths
from hathi.model.globs import compile_glob
from hathi.storage.chunks.content import Content, encoded_hash, encoded_size
from hathi.storage.chunks.interface import NodeReader
from hathi.storage.filesets import tree
from hathi.storage.filesets.difference import difference
from hathi.storage.filesets.entry import FILES, below, end_of, key_of
from hathi.storage.filesets.levels import Place, ascending, descending
from hathi.storage.filesets.nodes import reading

CHECK_EVERY = 1_000
"""Candidates of a glob that are looked at between two calls of `check`: some milliseconds."""


class FileStat:
    """A file or a directory. Made by `FileTree`; sizes, hashes and contents are derived on demand.

    path: the clean path, without a trailing slash.
    """

    __slots__ = ("_entry", "_tree", "path")

    def __init__(self, tree: FileTree, path: str, entry: bytes | None) -> None:
        self._tree = tree
        self._entry = entry
        self.path = path

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self._entry is None

    @property
    def size(self) -> int:
        """In bytes; of a directory the sum of all files in it."""
        return self._tree.measure(self.path)[1] if self._entry is None else encoded_size(self._entry)

    @property
    def hash(self) -> bytes:
        """32 bytes that change with the content; of a directory with anything in it."""
        return self._tree.directory_hash(self.path) if self._entry is None else encoded_hash(self._entry)

    @property
    def content(self) -> Content | None:
        """What the file holds; None for a directory."""
        return None if self._entry is None else Content.decode(self._entry)

    @property
    def key(self) -> bytes:
        """Its place in the order in which files and directories are shown."""
        return below(self.path) if self._entry is None else key_of(self.path)

    def __repr__(self) -> str:
        return f"FileStat({self.path!r}, {'directory' if self.is_dir else f'{self.size} bytes'})"


class FileTree:
    """The files of one root. Safe to share between threads; remembers the nodes it decoded as long as it lives."""

    def __init__(self, store: NodeReader, root: bytes) -> None:
        self.nodes = reading(store)
        self.root = root

    @property
    def count(self) -> int:
        """How many files there are."""
        return self.measure("/")[0]

    @property
    def size(self) -> int:
        """The sum of their sizes, in bytes."""
        return self.measure("/")[1]

    def measure(self, path: str) -> tuple[int, int]:
        """Return how many files are in a directory, at any depth, and the sum of their sizes in bytes."""
        prefix = below(path)
        count, size = tree.measure(FILES, self.nodes, self.root, prefix, end_of(prefix))
        return count, size

    def directory_hash(self, path: str) -> bytes:
        """Return the root that the files of a directory would have as a tree of their own."""
        if path == "/":
            return self.root
        prefix = below(path)
        return tree.range_root(FILES, self.nodes, self.root, prefix, end_of(prefix))

    def stat(self, path: str) -> FileStat | None:
        """Return what is at `path`, or None. A directory exists by what is in it, so an empty tree has no root."""
        path = paths.clean(path)
        entry = tree.get(FILES, self.nodes, self.root, key_of(path))
        if entry is not None or self._is_directory(path):
            return FileStat(self, path, entry)
        return None

    def top(self) -> FileStat:
        """Return the root directory, even of an empty tree."""
        return FileStat(self, "/", None)

    def list(self, path: str = "/", after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileStat]:
        """Yield what is in a directory, one level deep; of a file that file; of a missing path nothing.

        after: show only what comes after this path (before it, with `reverse`). number: at most so many; 0 means all.
        """
        top, mark = self.stat(path), self._mark(after)
        if top is None or not top.is_dir:
            return self._alone(top, mark, reverse)
        prefix = below(top.path)
        start, stop = prefix, end_of(prefix)
        if mark is not None:
            # A mark deeper down stands for the directory on this level that holds it.
            slash = mark.find(b"/", len(prefix)) if mark.startswith(prefix) else -1
            child = mark[: slash + 1] if slash >= 0 else mark
            if reverse:
                stop = min(stop, mark if child == mark else end_of(child))
            else:
                start = max(start, end_of(child) if slash >= 0 else mark + b"\0")
        deepest = prefix.count(b"/") + 1
        if reverse:
            places = descending(self.nodes, self.root, prefix, prefix, stop, deepest)
        else:
            places = ascending(self.nodes, self.root, prefix, start, stop, deepest)
        return islice(map(self._show, places), number or None)

    def walk(self, path: str = "/", after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileStat]:
        """Yield a path and everything below it, directories included; of a missing path nothing. See `list`."""
        top, mark = self.stat(path), self._mark(after)
        if top is None or not top.is_dir:
            return self._alone(top, mark, reverse)
        prefix = below(top.path)
        walk = self._walk_backwards(prefix, mark) if reverse else self._walk_forwards(prefix, mark)
        return islice(map(self._show, walk), number or None)

    def glob(self, pattern: str, check: Callable[[], None] | None = None) -> Iterator[FileStat]:
        """Yield the files and directories that a glob matches. Raises GlobError at once.

        check: called once for each `CHECK_EVERY` candidates, whether they match or not; what it raises ends the search.
        """
        glob = compile_glob(pattern)
        if glob.is_literal:
            found = self.stat(glob.literal_prefix)
            return iter(() if found is None else (found,))
        prefix = key_of(glob.literal_prefix)
        inside = prefix[: prefix.rindex(b"/") + 1]
        stop = prefix[:-1] + bytes((prefix[-1] + 1,))
        places = ascending(self.nodes, self.root, inside, prefix, stop, _deepest(glob.pattern))
        if check is not None:
            places = _checked(places, check)
        return (FileStat(self, _path(key), entry) for key, entry in places if glob.match_key(key))

    def files(self, path: str = "/") -> Iterator[FileStat]:
        """Yield the files at or below a path."""
        path = paths.clean(path)
        entry = tree.get(FILES, self.nodes, self.root, key_of(path))
        if entry is not None:
            yield FileStat(self, path, entry)
        prefix = below(path)
        for keys, values in tree.batches(FILES, self.nodes, self.root, prefix, end_of(prefix)):
            for key, value in zip(keys, values, strict=True):
                yield FileStat(self, key.decode(), value)

    def _is_directory(self, path: str) -> bool:
        prefix = below(path)
        found = tree.first(FILES, self.nodes, self.root, prefix)
        return found is not None and found.startswith(prefix)

    def _mark(self, after: str) -> bytes | None:
        """Return the place that a person names as the one to continue after, or None."""
        if not after:
            return None
        path = paths.clean(after)
        found = self.stat(path)
        is_dir = found.is_dir if found is not None else after.endswith("/")
        return below(path) if is_dir else key_of(path)

    def _alone(self, stat: FileStat | None, mark: bytes | None, reverse: bool) -> Iterator[FileStat]:
        """Yield one file, if there is one and it comes after the mark."""
        if stat is not None and (mark is None or (stat.key < mark if reverse else stat.key > mark)):
            yield stat

    def _walk_forwards(self, top: bytes, mark: bytes | None) -> Iterator[Place]:
        if mark is None or mark < top:
            yield top, None
            yield from ascending(self.nodes, self.root, top, top, end_of(top), None)
        elif mark < end_of(top):
            inside = mark[: mark.rindex(b"/") + 1]
            yield from ascending(self.nodes, self.root, inside, mark + b"\0", end_of(top), None)

    def _walk_backwards(self, top: bytes, mark: bytes | None) -> Iterator[Place]:
        inside, stop = top, end_of(top)
        if mark is not None and mark <= top:
            return
        if mark is not None and mark < stop:
            stop = mark
            inside = mark[: mark.rindex(b"/", 0, -1) + 1]
            while not self._is_directory(inside.decode().rstrip("/") or "/") and inside != top:
                inside = inside[: inside.rindex(b"/", 0, -1) + 1]
        yield from descending(self.nodes, self.root, inside, top, stop, None)
        yield top, None

    def _show(self, place: Place) -> FileStat:
        key, entry = place
        return FileStat(self, _path(key) if entry is None else key.decode(), entry)


def diff_files(
    store: NodeReader, old: bytes, new: bytes, path: str = "/"
) -> Iterator[tuple[str, Content | None, Content | None]]:
    """Yield the files at or below a path that two trees do not share, with their old and new contents, by path."""
    path = paths.clean(path)
    prefix = below(path)
    nodes = reading(store)
    ranges = [(prefix, end_of(prefix))]
    if path != "/":
        ranges.insert(0, (key_of(path), key_of(path) + b"\0"))
    for start, stop in ranges:
        for key, before, after in difference(FILES, nodes, old, new, start, stop):
            yield key.decode(), _content(before), _content(after)


def _checked(places: Iterator[Place], check: Callable[[], None]) -> Iterator[Place]:
    while some := list(islice(places, CHECK_EVERY)):
        yield from some
        check()


def _content(entry: bytes | None) -> Content | None:
    return None if entry is None else Content.decode(entry)


def _path(place: bytes) -> str:
    """Return the path of a file or directory, given its place."""
    return (place.rstrip(b"/") or b"/").decode()


def _deepest(pattern: str) -> int | None:
    """Return how many slashes a directory has at least (with the one behind it) in which nothing can match; None: any.

    A part that repeats or spans levels matches any number of slashes, a character class at most one, others what they
    show.
    """
    if any(sign in pattern for sign in ("**", "*(", "+(")):
        return None
    return pattern.count("/") + pattern.count("[") + 1
