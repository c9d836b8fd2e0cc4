"""Writing files to a commit: as one stream, in messages of about a megabyte.

A Hathi server takes many files a message (`hathi_v1.Files.Put`); any other takes one message or more for each
(`ModifyFile`). Either way the stream is one write: all of it counts or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.wrappers_pb2 import BytesValue

from hathi.cli import references
from hathi.cli.placing import Placed
from hathi.cli.reading import Piece
from hathi.wire.gen import hathi_pb2, pfs_pb2

MESSAGE = 1 << 20
"""Bytes of data after which a message is sent."""

OVERHEAD = 64
"""Bytes that an operation is reckoned to cost besides path and data, so that empty files fill messages too."""


def commit_ref(commit: pfs_pb2.Commit) -> hathi_pb2.CommitRef:
    """Return the commit as Hathi's own calls name it."""
    repo = references.repo_in(commit)
    return hathi_pb2.CommitRef(
        project=repo.project.name, repo=repo.name, type=repo.type, branch=commit.branch.name, id=commit.id
    )


def batches(commit: pfs_pb2.Commit, pieces: Iterable[Piece], *, append: bool) -> Iterator[hathi_pb2.PutRequest]:
    """Return the messages that put the pieces into the commit; the last one says so, or nothing of them counts."""
    message = hathi_pb2.PutRequest(commit=commit_ref(commit))
    filled = 0
    for piece in pieces:
        message.ops.add(path=piece.path, data=piece.data, append=append, continued=not piece.first)
        filled += len(piece.data) + len(piece.path) + OVERHEAD
        if filled >= MESSAGE:
            yield message
            message, filled = hathi_pb2.PutRequest(), 0
    message.complete = True
    yield message


def modifications(
    commit: pfs_pb2.Commit, pieces: Iterable[Piece], urls: Iterable[Placed], *, append: bool, recursive: bool
) -> Iterator[pfs_pb2.ModifyFileRequest]:
    """Return the original's messages for the same, and for URLs, which the server fetches."""
    yield pfs_pb2.ModifyFileRequest(set_commit=commit)
    for piece in pieces:
        if piece.first and not append:
            yield _delete(piece.path)
        add = pfs_pb2.AddFile(path=piece.path, raw=BytesValue(value=piece.data))
        yield pfs_pb2.ModifyFileRequest(add_file=add)
    for each in urls:
        if not append:
            yield _delete(each.path)
        source = pfs_pb2.AddFile.URLSource(URL=each.source, recursive=recursive)
        yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=each.path, url=source))


def _delete(path: str) -> pfs_pb2.ModifyFileRequest:
    return pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path))
