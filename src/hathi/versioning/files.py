"""Reading files of a commit: of a finished one from its tree, of an open one from what was written so far.

A commit that is FINISHING is waited for, because what it will hold, or whether it holds anything, is being decided. One
that failed holds what its root says, which is nothing unless a pipeline left something there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import tee

from hathi.model import paths
from hathi.model.errors import InvalidError
from hathi.model.infos import CommitState, FileInfo, FileType
from hathi.model.packs import Pin
from hathi.model.references import Commit, CommitSpec
from hathi.storage.chunks.content import EMPTY_CONTENT, Content
from hathi.storage.filesets.files import FileStat, FileTree
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import commits, lookup, open_commits
from hathi.versioning.errors import FileNotFound, MatchedDirectory, MatchedSeveral, WaitEnded
from hathi.versioning.projections import Project
from hathi.versioning.rows import CommitRow
from hathi.versioning.store import Store
from hathi.versioning.waiting import Cancelled, OnLeave, never, wait_commit


@dataclass(frozen=True, slots=True)
class View:
    """The files of a commit at one moment.

    committed: when it was finished, None while it is open. read: yields the bytes of a content of `tree`, from an
    offset. read_each: yields the bytes of several, one after the other. pin: keeps all that readable as long as anybody
    holds the view.
    """

    commit: Commit
    committed: datetime | None
    tree: FileTree
    read: Callable[[Content, int], Iterator[bytes]]
    read_each: Callable[[Iterable[Content]], Iterator[Iterator[bytes]]]
    pin: Pin

    def info(self, stat: FileStat) -> FileInfo:
        """Return what is told about a file or directory of the tree."""
        path = stat.path if not stat.is_dir or stat.path == "/" else stat.path + "/"
        kind = FileType.DIR if stat.is_dir else FileType.FILE
        return FileInfo(self.commit, path, kind, stat.size, stat.hash, self.committed)

    def bytes_of(self, stat: FileStat, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file of the tree."""
        content = stat.content
        if content is not None:  # a generator of ours, so that the view stays as long as somebody reads
            yield from self.read(content, offset)


def view(store: Store, spec: CommitSpec, cancelled: Cancelled = never, on_leave: OnLeave | None = None) -> View:
    """Return the files that `spec` means: of an open commit what was written so far; FINISHING is waited out.

    Raises what `commits.resolve` raises, WaitEnded, and PathCollision for an open commit that could not be finished.
    """
    while True:
        pin = store.chunks.reading()
        with store.db.read() as tx:
            row = lookup.find(tx, spec)
            if (project := store.projections.of(row.repo.type)) is not None:
                return _projected_view(row, project, pin)
            if row.finished is not None:
                return _finished_view(store, row, pin)
            if row.finishing is None:
                parent = commits.parent_of(tx, row)
                if parent is None or parent.finishing is None or parent.finished is not None:
                    base = commits.base_root(tx, parent)
                    runs = tuple(run.root for run in open_commits.load(tx, row.id))
                    break
                closing = parent
            else:
                closing = row
        pin.release()  # waiting may take long, and is followed by another look
        awaited = CommitSpec(closing.repo, id=closing.commit.id)
        wait_commit(store, awaited, CommitState.FINISHED, cancelled, on_leave)
    draft = store.drafts.get(row.id, base, runs)
    tree = FileTree(draft.nodes, draft.root)
    return View(row.commit, None, tree, draft.read, lambda contents: (draft.read(each, 0) for each in contents), pin)


def read(store: Store, spec: CommitSpec) -> FileTree:
    """Return the file tree that `spec` means; see `view`."""
    return view(store, spec).tree


def stat(store: Store, spec: CommitSpec, path: str) -> FileInfo:
    """Return a file or directory. Raises FileNotFound and what `view` raises."""
    at = view(store, spec)
    found = at.tree.stat(path)
    if found is None:
        raise FileNotFound(at.commit, path)
    return at.info(found)


def list_files(
    store: Store, spec: CommitSpec, path: str = "/", *, after: str = "", number: int = 0, reverse: bool = False
) -> Iterator[FileInfo]:
    """Yield what is in a directory, one level deep; of a file that file; of a missing path nothing.

    after: continue behind this path. number: at most so many; 0 means all. reverse: last one first.
    """
    at = view(store, spec)
    return map(at.info, at.tree.list(path, after, number, reverse))


def walk(
    store: Store, spec: CommitSpec, path: str = "/", *, after: str = "", number: int = 0, reverse: bool = False
) -> Iterator[FileInfo]:
    """Yield a path and everything below it, directories included; see `list_files`. Raises FileNotFound."""
    at = view(store, spec)
    if paths.clean(path) != paths.ROOT and at.tree.stat(path) is None:
        raise FileNotFound(at.commit, path)
    return map(at.info, at.tree.walk(path, after, number, reverse))


def glob(
    store: Store,
    spec: CommitSpec,
    pattern: str,
    *,
    path_range: tuple[str, str] = ("", ""),
    cancelled: Cancelled = never,
) -> Iterator[FileInfo]:
    """Yield files and directories that match.

    Args:
        path_range: From the first (included) to the second (excluded).
        cancelled: Asked now and then while nothing matches; WaitEnded is raised once it is true.

    Raises:
        GlobError: At once, as what `view` raises.
    """
    at = view(store, spec, cancelled)
    return map(at.info, _matching(at, pattern, path_range, cancelled))


def get(
    store: Store,
    spec: CommitSpec,
    pattern: str,
    offset: int = 0,
    *,
    path_range: tuple[str, str] = ("", ""),
    cancelled: Cancelled = never,
) -> Iterator[bytes]:
    """Yield the bytes of the one file that matches. Raises FileNotFound, MatchedDirectory, MatchedSeveral, at once."""
    if offset < 0:
        raise InvalidError(f"offset {offset} is negative")
    at = view(store, spec, cancelled)
    matches = _matching(at, pattern, path_range, cancelled)
    found = next(matches, None)
    if found is None:
        raise FileNotFound(at.commit, pattern)
    if next(matches, None) is not None:
        raise MatchedSeveral
    if found.is_dir:
        raise MatchedDirectory
    return at.bytes_of(found, offset)


def get_all(
    store: Store,
    spec: CommitSpec,
    pattern: str,
    *,
    path_range: tuple[str, str] = ("", ""),
    cancelled: Cancelled = never,
) -> Iterator[tuple[FileInfo, Iterator[bytes]]]:
    """Yield every file that matches or lies below a directory that does, each once, with its bytes.

    The bytes must be taken before the next file is asked for, or left. Raises FileNotFound when nothing matches, at
    once; all of a commit without files is no files.
    """
    at = view(store, spec, cancelled)
    matches = _matching(at, pattern, path_range, cancelled)
    first = next(matches, None)
    if first is None:
        if paths.clean(pattern) == paths.ROOT:
            return iter(())
        raise FileNotFound(at.commit, pattern)
    found, ahead = tee(_files_of(at, first, matches))
    contents = (file.content or EMPTY_CONTENT for file in ahead)
    return ((at.info(file), parts) for file, parts in zip(found, at.read_each(contents), strict=True))


def _finished_view(store: Store, row: CommitRow, pin: Pin) -> View:
    tree = FileTree(store.nodes, row.root or EMPTY_ROOT)
    return View(row.commit, row.finished, tree, store.chunks.read, store.chunks.read_each, pin)


def _projected_view(row: CommitRow, project: Project, pin: Pin) -> View:
    """Return the files that a commit is shown as: none as long as it is open, for nobody can tell what it will be."""
    shown = project(EMPTY_ROOT if row.finished is None else row.root or EMPTY_ROOT)
    return View(
        row.commit,
        row.finished,
        shown.tree,
        shown.read,
        lambda contents: (shown.read(content, 0) for content in contents),
        pin,
    )


def _matching(at: View, pattern: str, path_range: tuple[str, str], cancelled: Cancelled = never) -> Iterator[FileStat]:
    def check() -> None:
        if cancelled():
            raise WaitEnded

    lower, upper = path_range
    matches = at.tree.glob(pattern or "/", check)
    if not lower and not upper:
        return matches
    return (stat for stat in matches if lower <= stat.path and (not upper or stat.path < upper))


def _files_of(at: View, first: FileStat, others: Iterator[FileStat]) -> Iterator[FileStat]:
    """Yield the files that are matches or lie in one; a directory comes right before all that lies in it."""
    match: FileStat | None = first
    while match is not None:
        if match.is_dir:
            yield from at.tree.files(match.path)
            inside = match.key
            match = next((other for other in others if not other.key.startswith(inside)), None)
        else:
            yield match
            match = next(others, None)
