"""Writing files: a stream of changes becomes one run, and one transaction names it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

from hathi.model.references import Commit, CommitSpec
from hathi.versioning.store import Store


@dataclass(frozen=True, slots=True)
class Append:
    """Bytes for the end of a file, which is made if missing. Neighbours with the same path and datum are one piece."""

    path: str
    data: bytes
    datum: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """A file; or with a trailing slash a directory and all below it. Of what is absent: nothing happens."""

    path: str
    datum: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file or directory of any commit, put at `path` without moving bytes. append: keep what stands there."""

    path: str
    source: CommitSpec
    source_path: str
    append: bool = False
    datum: str = ""


Change = Append | Delete | Copy


class Writer:
    """One stream of changes to an open commit, or to a branch (then perhaps a commit of its own). A context manager.

    Leaving the block with an exception, or without `close`, leaves nothing behind.
    """

    def __init__(self, store: Store, spec: CommitSpec, *, created_by: str = "") -> None:
        raise NotImplementedError

    def apply(self, changes: Iterable[Change]) -> None:
        """Take changes in order, in bounded memory. Raises InvalidError (path), and what resolving a source raises."""
        raise NotImplementedError

    def put(self, path: str, parts: Iterable[bytes], *, append: bool = False, datum: str = "") -> None:
        """Write one file from its bytes, replacing what stands there unless `append`."""
        raise NotImplementedError

    def delete(self, path: str, datum: str = "") -> None:
        """See `Delete`."""
        raise NotImplementedError

    def copy(self, source: CommitSpec, source_path: str, path: str, *, append: bool = False, datum: str = "") -> None:
        """See `Copy`."""
        raise NotImplementedError

    def close(self) -> Commit:
        """Make everything durable and visible at once; returns the commit that was written.

        The commit is the open one that was meant, or a new finished one on the branch. Raises CommitFinished,
        OutputBranch, PathCollision (one-off writes only; an open commit tells when it is finished), BranchNotFound,
        RepoNotFound.
        """
        raise NotImplementedError

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError
