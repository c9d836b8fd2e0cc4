"""Many files a message: with ten thousand small files, messages cost more than bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from hathi.model.batching import batches
from hathi.model.errors import InvalidError
from hathi.model.infos import FileInfo, FileType
from hathi.model.references import DEFAULT_PROJECT, USER, CommitSpec, Repo
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.server.grpc.streams import PIECE
from hathi.versioning import files
from hathi.versioning.errors import MatchedDirectory
from hathi.versioning.writing import Writer
from hathi.wire.gen import hathi_pb2

_ENTRIES = 1000
"""So many files are told of in one message."""


class Files:
    """Serves `hathi_v1.Files`."""

    def __init__(self, backend: Backend) -> None:
        self._store = backend.store

    def Put(self, requests: Iterator[hathi_pb2.PutRequest], call: Call) -> hathi_pb2.PutResponse:
        """Apply operations in order, as one write: all of them or none.

        gRPC may show the stream of a client that died as one that ended, so only its own word completes a write.
        """
        first = next(requests, None)
        if first is None or not first.HasField("commit"):
            raise InvalidError("the first message of Put must name the commit")
        stream = _Ops(first, requests)
        with Writer(self._store, _spec(first.commit), cancelled=call.cancelled, on_leave=call.on_leave) as writer:
            for op, parts in stream:
                if op.delete:
                    writer.delete(op.path)
                else:
                    writer.put(op.path, parts, append=op.append)
            if not stream.complete:
                raise InvalidError("the stream of Put broke off before its last message; nothing was written")
            commit = writer.close()
        return hathi_pb2.PutResponse(commit=commit.id, files=stream.files, bytes=stream.bytes)

    def Get(self, request: hathi_pb2.GetRequest, call: Call) -> Iterator[hathi_pb2.GetResponse]:
        """Give files whole, or in pieces where they are large."""
        spec = _spec(request.commit)
        if not request.recursive and any(
            info.type is FileType.DIR for info in files.glob(self._store, spec, request.path, cancelled=call.cancelled)
        ):
            raise MatchedDirectory
        pieces = (
            hathi_pb2.FilePiece(path=info.path, data=data, size=info.size, last=last)
            for info, parts in files.get_all(self._store, spec, request.path, cancelled=call.cancelled)
            for data, last in _marked(parts)
        )
        for batch in batches(pieces, hathi_pb2.FilePiece.ByteSize, PIECE, _ENTRIES):
            yield hathi_pb2.GetResponse(pieces=batch)

    def List(self, request: hathi_pb2.ListRequest, call: Call) -> Iterator[hathi_pb2.ListResponse]:
        """Tell what a directory holds, or with `recursive` every file below."""
        spec = _spec(request.commit)
        found: Iterable[FileInfo]
        if request.recursive:
            found = (info for info in files.walk(self._store, spec, request.path) if info.type is FileType.FILE)
        else:
            found = files.list_files(self._store, spec, request.path)
        entries = (
            hathi_pb2.Entry(path=info.path, size=info.size, hash=info.hash, directory=info.type is FileType.DIR)
            for info in found
        )
        for batch in batches(entries, hathi_pb2.Entry.ByteSize, PIECE, _ENTRIES):
            yield hathi_pb2.ListResponse(entries=batch)


class _Ops:
    """The operations of a stream, each with its data, which may go on in the operations and messages that follow.

    complete: whether the last message came. files, bytes: put so far.
    """

    def __init__(self, first: hathi_pb2.PutRequest, requests: Iterator[hathi_pb2.PutRequest]) -> None:
        self.complete = False
        self.files = 0
        self.bytes = 0
        self._ops = self._flat(chain((first,), requests))
        self._next = next(self._ops, None)

    def __iter__(self) -> Iterator[tuple[hathi_pb2.FileOp, Iterable[bytes]]]:
        while (op := self._next) is not None:
            if op.continued:
                raise InvalidError(f"data for {op.path} continues nothing")
            self._next = next(self._ops, None)
            self.files += not op.delete
            self.bytes += len(op.data)
            yield op, self._data(op)

    def _data(self, op: hathi_pb2.FileOp) -> Iterator[bytes]:
        yield op.data
        while (more := self._next) is not None and more.continued and more.path == op.path:
            self._next = next(self._ops, None)
            self.bytes += len(more.data)
            yield more.data

    def _flat(self, requests: Iterable[hathi_pb2.PutRequest]) -> Iterator[hathi_pb2.FileOp]:
        for request in requests:
            self.complete = request.complete
            yield from request.ops


def _spec(ref: hathi_pb2.CommitRef) -> CommitSpec:
    if not ref.repo:
        raise InvalidError("commit must have a repo")
    return CommitSpec(Repo(ref.project or DEFAULT_PROJECT, ref.repo, ref.type or USER), ref.branch, ref.id)


def _marked(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the parts, each with whether it is the last; one empty part when there are none."""
    held = b""
    begun = False
    for part in parts:
        if begun:
            yield held, False
        held, begun = part, True
    yield held, True
