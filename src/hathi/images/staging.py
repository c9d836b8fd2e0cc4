"""Source code on its way to the server: only what differs is sent, and it becomes one finished commit.

The commit is made on the branch `upload`, on which nothing depends; the transaction that sets up the pipelines moves
the head of `source` to it. What differs is told by content hashes, which both sides compute alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hathi.images.source import SourceFile
from hathi.model.builds import UPLOAD
from hathi.model.errors import NotFoundError
from hathi.model.references import Repo
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2, pfs_pb2

Fingerprint = Callable[[Iterable[bytes]], bytes]
"""Computes the hash that the server shows for a file of these bytes."""

MESSAGE = 1 << 20
"""Bytes of data after which a message is sent."""

_OVERHEAD = 64
"""Bytes that an operation is reckoned to cost besides path and data."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Source code that stands in a commit. sent, deleted: how many files of it differed from what stood there."""

    commit: str
    sent: int
    deleted: int
    total: int


def stage(client: Client, repo: Repo, files: Sequence[SourceFile], fingerprint: Fingerprint) -> Staged:
    """Make the head of `upload` hold exactly `files`, and return it. Raises SourceError and what the server raises.

    When somebody else uploads at the same time, the differences are looked for once more.
    """
    while True:
        base = _head(client, repo)
        known = _listing(client, repo, base) if base else {}
        changed = [file for file in files if known.get(file.path) != fingerprint(file.pieces())]
        gone = sorted(known.keys() - {file.path for file in files})
        if base and not changed and not gone:
            return Staged(base, 0, 0, len(files))
        ref = hathi_pb2.CommitRef(project=repo.project, repo=repo.name, type=repo.type, branch=UPLOAD)
        id = client.files.Put(_messages(ref, gone, changed)).commit
        if _parent(client, repo, id) == base:
            return Staged(id, len(changed), len(gone), len(files))


def _head(client: Client, repo: Repo) -> str:
    """Return the id of the commit that was uploaded last, "" when none was."""
    try:
        return str(client.pfs.InspectCommit(_inspect(repo, branch=UPLOAD)).commit.id)
    except NotFoundError:
        return ""


def _parent(client: Client, repo: Repo, id: str) -> str:
    return str(client.pfs.InspectCommit(_inspect(repo, id=id)).parent_commit.id)


def _inspect(repo: Repo, *, branch: str = "", id: str = "") -> pfs_pb2.InspectCommitRequest:
    message = pfs_pb2.Repo(name=repo.name, type=repo.type, project=pfs_pb2.Project(name=repo.project))
    commit = pfs_pb2.Commit(repo=message, branch=pfs_pb2.Branch(repo=message, name=branch), id=id)
    return pfs_pb2.InspectCommitRequest(commit=commit)


def _listing(client: Client, repo: Repo, id: str) -> dict[str, bytes]:
    ref = hathi_pb2.CommitRef(project=repo.project, repo=repo.name, type=repo.type, id=id)
    answers = client.files.List(hathi_pb2.ListRequest(commit=ref, path="/", recursive=True))
    return {entry.path: entry.hash for answer in answers for entry in answer.entries}


def _messages(
    ref: hathi_pb2.CommitRef, gone: Iterable[str], changed: Iterable[SourceFile]
) -> Iterator[hathi_pb2.PutRequest]:
    """Yield the messages of one write: first what goes, so that a folder may take the place of a file."""
    message, filled = hathi_pb2.PutRequest(commit=ref), 0
    for op in _ops(gone, changed):
        message.ops.append(op)
        filled += len(op.data) + len(op.path) + _OVERHEAD
        if filled >= MESSAGE:
            yield message
            message, filled = hathi_pb2.PutRequest(), 0
    message.complete = True
    yield message


def _ops(gone: Iterable[str], changed: Iterable[SourceFile]) -> Iterator[hathi_pb2.FileOp]:
    for path in gone:
        yield hathi_pb2.FileOp(path=path, delete=True)
    for file in changed:
        begun = False
        for data in file.pieces():
            yield hathi_pb2.FileOp(path=file.path, data=data, continued=begun)
            begun = True
        if not begun:
            yield hathi_pb2.FileOp(path=file.path)
