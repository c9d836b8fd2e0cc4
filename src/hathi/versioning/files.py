"""Reading files of a commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hathi.model.infos import FileInfo
from hathi.model.references import Commit, CommitSpec
from hathi.storage.filesets.files import FileTree
from hathi.versioning.store import Store
from hathi.versioning.waiting import Cancelled, OnLeave, never


@dataclass(frozen=True, slots=True)
class View:
    """The files of a commit at one moment. committed: when it was finished, None while it is open."""

    commit: Commit
    committed: datetime | None
    tree: FileTree


def view(store: Store, spec: CommitSpec, cancelled: Cancelled = never, on_leave: OnLeave | None = None) -> View:
    """Return the files that `spec` means: of an open commit what was written so far; FINISHING is waited out."""
    raise NotImplementedError


def read(store: Store, spec: CommitSpec) -> FileTree:
    """Return the file tree that `spec` means; see `view`."""
    raise NotImplementedError


def stat(store: Store, spec: CommitSpec, path: str) -> FileInfo:
    """Return a file or directory. Raises FileNotFound and what `commits.resolve` raises."""
    raise NotImplementedError


def list_files(
    store: Store, spec: CommitSpec, path: str = "/", *, after: str = "", number: int = 0, reverse: bool = False
) -> Iterator[FileInfo]:
    """Yield what is in a directory, one level deep; of a file that file; of a missing path nothing."""
    raise NotImplementedError


def walk(
    store: Store, spec: CommitSpec, path: str = "/", *, after: str = "", number: int = 0, reverse: bool = False
) -> Iterator[FileInfo]:
    """Yield a path and everything below it, directories included. Raises FileNotFound."""
    raise NotImplementedError


def glob(store: Store, spec: CommitSpec, pattern: str, *, path_range: tuple[str, str] = ("", "")) -> Iterator[FileInfo]:
    """Yield files and directories that match. path_range: from the first (included) to the second (excluded)."""
    raise NotImplementedError


def get(store: Store, spec: CommitSpec, pattern: str, offset: int = 0) -> Iterator[bytes]:
    """Yield the bytes of the one file that matches. Raises FileNotFound, MatchedDirectory, MatchedSeveral."""
    raise NotImplementedError


def get_all(store: Store, spec: CommitSpec, pattern: str) -> Iterator[tuple[FileInfo, Iterator[bytes]]]:
    """Yield every file that matches or lies below a directory that does, each once, with its bytes. FileNotFound if
    none.
    """
    raise NotImplementedError
