"""Writing files: a stream of changes is gathered, stored, and named by one transaction.

Bytes first, names second: everything is durable before the transaction begins, and what nothing names is garbage. A
write to an open commit becomes a run of it. A write to a branch whose head is finished makes a commit of its own,
finished at once: one pack, one transaction. When the head moves meanwhile, the changes are folded once more onto the
new head; in one process the writers of a branch take turns, so that this happens only when somebody else moves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType

from hathi.metadata.database import Transaction
from hathi.model import names, paths
from hathi.model.errors import InvalidError
from hathi.model.infos import CommitState, Origin
from hathi.model.packs import Root
from hathi.model.references import Branch, Commit, CommitSpec
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.files import FileTree
from hathi.storage.filesets.fold import fold_changes
from hathi.storage.filesets.run import store as store_run
from hathi.storage.filesets.writer import RunWriter
from hathi.versioning import commits, files, lookup
from hathi.versioning.errors import CommitFinished, FileNotFound, PipelineOutput, WaitEnded
from hathi.versioning.open_commits import add_run
from hathi.versioning.rows import BranchRow, CommitRow, find_branch
from hathi.versioning.store import Store
from hathi.versioning.waiting import Cancelled, OnLeave, never, wait_commit


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

    Leaving the block with an exception, or without `close`, leaves nothing behind. For one thread.
    """

    def __init__(
        self,
        store: Store,
        spec: CommitSpec,
        *,
        created_by: str = "",
        cancelled: Cancelled = never,
        on_leave: OnLeave | None = None,
    ) -> None:
        """Check that `spec` can be written to, so that nobody sends a terabyte first. Raises what `close` raises."""
        self._store = store
        self._spec = spec
        self._created_by = created_by
        self._cancelled = cancelled
        self._on_leave = on_leave
        with store.db.read() as tx:
            _target(tx, spec)
        self._resources = ExitStack()
        self._upload = self._resources.enter_context(store.chunks.upload())
        self._runs = self._resources.enter_context(RunWriter(self._upload))

    def apply(self, changes: Iterable[Change]) -> None:
        """Take changes in order, in bounded memory. Raises InvalidError (path), and what resolving a source raises."""
        for (kind, path, datum), group in groupby(
            changes, key=lambda change: (type(change), change.path, change.datum)
        ):
            if kind is Append:
                self.put(path, _data(group), append=True, datum=datum)
                continue
            for change in group:
                if isinstance(change, Delete):
                    self.delete(change.path, change.datum)
                elif isinstance(change, Copy):
                    self.copy(change.source, change.source_path, path, append=change.append, datum=datum)

    def put(self, path: str, parts: Iterable[bytes], *, append: bool = False, datum: str = "") -> None:
        """Write one file from its bytes, replacing what stands there unless `append`."""
        self._runs.put(_file_path(path), self._upload.content(parts), append=append, label=datum)

    def delete(self, path: str, datum: str = "") -> None:
        """See `Delete`."""
        if paths.names_directory(path):
            self._runs.delete_tree(paths.clean(path))
        else:
            self._runs.delete(_file_path(path))

    def copy(self, source: CommitSpec, source_path: str, path: str, *, append: bool = False, datum: str = "") -> None:
        """See `Copy`. Raises FileNotFound and what `files.view` raises."""
        at = files.view(self._store, source, self._cancelled, self._on_leave)
        found = at.tree.stat(source_path)
        if found is None:
            raise FileNotFound(at.commit, source_path)
        target = paths.validate(path) if found.is_dir else _file_path(path)
        if at.committed is not None:
            self._runs.copy_tree(at.tree.root, found.path, target, append=append, label=datum)
        else:
            self._copy_draft(at, found.path, target, append, datum)

    def close(self) -> Commit:
        """Make everything durable and visible at once; returns the commit that was written.

        The commit is the open one that was meant, or a new finished one on the branch. Raises CommitFinished,
        PipelineOutput, OutputBranch, BuildSource, PathCollision (one-off writes only; an open commit tells when it is
        finished), BranchNotFound, RepoNotFound, CommitNotFound, LeaseLapsed, and what the object store raises.
        """
        commit: Commit | None = None
        while commit is None:
            commit = self._name()
        self._resources.close()
        return commit

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def _name(self) -> Commit | None:
        """Let the changes take effect where `spec` points now; None when that changes meanwhile and must be asked anew.

        Writers of one branch take turns, but nobody holds up the others by waiting for a commit to be finished.
        """
        with self._store.locks.held(("writers", self._spec.repo, self._spec.id or self._spec.branch)):
            with self._store.db.read() as tx:
                target = _target(tx, self._spec)
                if isinstance(target, BranchRow):
                    base = commits.base_root(tx, target.head)
            if isinstance(target, CommitRow):
                run = store_run(self._upload, self._runs.changes())
                return target.commit if add_run(self._store, self._upload, target, run) else None
            if target.head is None or target.head.finished is not None:
                return self._write_once(target, base)
        awaited = CommitSpec(target.head.repo, id=target.head.commit.id)
        wait_commit(self._store, awaited, CommitState.FINISHED, self._cancelled, self._on_leave)
        return None

    def _write_once(self, place: BranchRow, base: bytes) -> Commit | None:
        """Make a finished commit on the head of a branch, whose tree is `base`; None when the head moves.

        The changes are folded as they were gathered: a run that nobody will name is not worth storing.
        """
        root = fold_changes(self._upload, base, self._runs.changes())
        size = FileTree(self._upload, root).size
        packs = self._upload.seal()
        self._check_client()
        with self._store.db.write() as tx:
            now = find_branch(tx, place.branch)
            if _head_id(now) != _head_id(place):
                return None
            commits.check_writable(tx, now)
            self._store.ledger.register(tx, self._upload, packs, [Root(FILES.name, root)])
            return commits.add_finished(tx, now, root, size, Origin.USER, created_by=self._created_by).commit

    def _check_client(self) -> None:
        """Name nothing for a client that died: its stream may have been cut anywhere. Raises WaitEnded."""
        if self._cancelled():
            raise WaitEnded

    def _copy_draft(self, at: files.View, source: str, target: str, append: bool, datum: str) -> None:
        """Copy from an open commit: what was appended to a file there may stand nowhere else yet, so its bytes move."""
        stats = at.tree.files(source)
        if not append:
            self._runs.delete_tree(target)
            if target != paths.ROOT:
                self._runs.delete(target)
        for stat in stats:
            path = paths.clean(target + stat.path[len(source.rstrip("/")) :])
            self.put(path, at.bytes_of(stat), append=append, datum=datum)


def _target(tx: Transaction, spec: CommitSpec) -> BranchRow | CommitRow:
    """Return where a write to `spec` goes: an open commit, or a branch on which it makes a commit of its own.

    Raises CommitFinished (a closed commit was named), PipelineOutput, OutputBranch, BuildSource, and what `lookup.find`
    raises.
    """
    if (spec.branch and not spec.id) or (spec.id and names.is_branch_name(spec.id)):
        branch = Branch(spec.repo, spec.id or spec.branch)
        names.check_branch(branch.name)
        place = find_branch(tx, branch)
        if place.head is not None and place.head.finishing is None:
            return _open(tx, place.head)
        commits.check_writable(tx, place)
        return place
    return _open(tx, lookup.find(tx, spec))


def _open(tx: Transaction, row: CommitRow) -> CommitRow:
    """Return an open commit that people may write to. Raises CommitFinished, PipelineOutput."""
    if row.finishing is not None:
        raise CommitFinished(row.commit)
    if commits.made_by_pipeline(tx, row):
        raise PipelineOutput(row.commit)
    return row


def _head_id(place: BranchRow) -> int | None:
    return place.head.id if place.head else None


def _file_path(path: str) -> str:
    clean = paths.validate(path)
    if clean == "/":
        raise InvalidError("path (/) invalid: it names the root directory, not a file")
    return clean


def _data(changes: Iterable[Change]) -> Iterator[bytes]:
    for change in changes:
        if isinstance(change, Append):
            yield change.data
