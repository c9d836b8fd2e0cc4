"""Many files a message: with ten thousand small files, messages cost more than bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hathi.model.errors import InvalidError
from hathi.model.infos import FileInfo, FileType
from hathi.model.references import DEFAULT_PROJECT, USER, CommitSpec, Repo
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.server.grpc.streams import PIECE
from hathi.versioning import files
from hathi.versioning.errors import MatchedDirectory
from hathi.versioning.writing import Append, Change, Delete, Writer
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
        request = next(requests, None)
        if request is None or not request.HasField("commit"):
            raise InvalidError("the first message of Put must name the commit")
        tally = _Tally()
        spec = _spec(request.commit)
        with Writer(self._store, spec, cancelled=call.cancelled, on_leave=call.on_leave) as writer:
            writer.apply(tally.changes(request.ops))
            for request in requests:
                writer.apply(tally.changes(request.ops))
            if not request.complete:
                raise InvalidError("the stream of Put broke off before its last message; nothing was written")
            commit = writer.close()
        return hathi_pb2.PutResponse(commit=commit.id, files=tally.files, bytes=tally.bytes)

    def Get(self, request: hathi_pb2.GetRequest, call: Call) -> Iterator[hathi_pb2.GetResponse]:
        """Give files whole, or in pieces where they are large."""
        spec = _spec(request.commit)
        if not request.recursive and any(
            info.type is FileType.DIR for info in files.glob(self._store, spec, request.path)
        ):
            raise MatchedDirectory
        message = hathi_pb2.GetResponse()
        held = 0
        for info, parts in files.get_all(self._store, spec, request.path):
            for data, last in _marked(parts):
                message.pieces.add(path=info.path, data=data, size=info.size, last=last)
                held += len(data)
                if held >= PIECE or len(message.pieces) >= _ENTRIES:
                    yield message
                    message = hathi_pb2.GetResponse()
                    held = 0
        if message.pieces:
            yield message

    def List(self, request: hathi_pb2.ListRequest, call: Call) -> Iterator[hathi_pb2.ListResponse]:
        """Tell what a directory holds, or with `recursive` every file below."""
        spec = _spec(request.commit)
        found: Iterable[FileInfo]
        if request.recursive:
            found = (info for info in files.walk(self._store, spec, request.path) if info.type is FileType.FILE)
        else:
            found = files.list_files(self._store, spec, request.path)
        message = hathi_pb2.ListResponse()
        for info in found:
            directory = info.type is FileType.DIR
            message.entries.add(path=info.path, size=info.size, hash=info.hash, directory=directory)
            if len(message.entries) >= _ENTRIES:
                yield message
                message = hathi_pb2.ListResponse()
        if message.entries:
            yield message


class _Tally:
    """Turns operations into changes, and counts them."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0

    def changes(self, ops: Iterable[hathi_pb2.FileOp]) -> Iterator[Change]:
        for op in ops:
            if op.delete:
                yield Delete(op.path)
                continue
            if not op.continued:
                self.files += 1
                if not op.append:
                    yield Delete(op.path)
            data = op.data
            self.bytes += len(data)
            yield Append(op.path, data)


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
