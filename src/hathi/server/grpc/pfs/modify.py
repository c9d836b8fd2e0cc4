"""Writing files over gRPC: a stream of messages becomes a stream of changes, and the writer makes it one write."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.model.errors import InvalidError
from hathi.server.grpc.calls import Call
from hathi.server.grpc.fetch import FetchRules, fetch
from hathi.versioning.store import Store
from hathi.versioning.writing import Append, Change, Copy, Delete, Writer
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2


class Modify:
    """Changes to files."""

    def __init__(self, store: Store, fetching: FetchRules) -> None:
        self._store = store
        self._fetching = fetching

    def ModifyFile(self, requests: Iterator[pfs_pb2.ModifyFileRequest], call: Call) -> Empty:
        """Apply the changes of a stream to an open commit or a branch: all of them, or none."""
        first = next(requests, None)
        if first is None or first.WhichOneof("body") != "set_commit":
            raise InvalidError("the first message of ModifyFile must set the commit")
        spec = pfs.to_commit_spec(first.set_commit)
        with Writer(self._store, spec, cancelled=call.cancelled, on_leave=call.on_leave) as writer:
            writer.apply(_changes(requests, self._fetching))
            call.confirm_end()
            writer.close()
        return Empty()


def _changes(requests: Iterator[pfs_pb2.ModifyFileRequest], fetching: FetchRules) -> Iterator[Change]:
    for request in requests:
        match request.WhichOneof("body"):
            case "add_file":
                yield from _added(request.add_file, fetching)
            case "delete_file":
                yield Delete(request.delete_file.path, request.delete_file.datum)
            case "copy_file":
                copy = request.copy_file
                source, path = pfs.to_file(copy.src)
                yield Copy(copy.dst, source, path, copy.append, copy.datum)
            case "set_commit":
                raise InvalidError("only the first message of ModifyFile may set the commit")
            case _:
                raise InvalidError("a message of ModifyFile has no body")


def _added(message: pfs_pb2.AddFile, fetching: FetchRules) -> Iterator[Change]:
    """Yield what to append; at least once, since a file without bytes is a file too."""
    if message.WhichOneof("source") != "url":
        yield Append(message.path, message.raw.value, message.datum)
        return
    yield Append(message.path, b"", message.datum)
    for piece in fetch(message.url.URL, fetching, recursive=message.url.recursive):
        yield Append(message.path, piece, message.datum)
