"""Reading files over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from hathi.model.errors import UnimplementedError
from hathi.server.grpc.archive import tar
from hathi.server.grpc.calls import Call
from hathi.server.grpc.handlers import raw
from hathi.server.grpc.paging import at_most
from hathi.server.grpc.streams import bytes_values
from hathi.versioning import files
from hathi.versioning.store import Store
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2


class Reading:
    """Files: their bytes and what is known of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @raw
    def GetFile(self, request: pfs_pb2.GetFileRequest, call: Call) -> Iterator[bytes]:
        """Give the bytes of one file."""
        _check(request)
        spec, path = pfs.to_file(request.file)
        yield from bytes_values(files.get(self._store, spec, path, request.offset, cancelled=call.cancelled))

    @raw
    def GetFileTAR(self, request: pfs_pb2.GetFileRequest, call: Call) -> Iterator[bytes]:
        """Give files and whole directories as a tar archive."""
        _check(request)
        if request.offset:
            raise UnimplementedError("an offset into a tar archive is not served")
        spec, path = pfs.to_file(request.file)
        yield from bytes_values(tar(files.get_all(self._store, spec, path, cancelled=call.cancelled)))

    def InspectFile(self, request: pfs_pb2.InspectFileRequest, call: Call) -> pfs_pb2.FileInfo:
        """Tell about a file or directory."""
        spec, path = pfs.to_file(request.file)
        return pfs.FileInfoMessages()(files.stat(self._store, spec, path))

    def ListFile(self, request: pfs_pb2.ListFileRequest, call: Call) -> Iterator[pfs_pb2.FileInfo]:
        """Tell what is in a directory."""
        spec, path = pfs.to_file(request.file)
        after = request.paginationMarker.path
        found = files.list_files(
            self._store, spec, path, after=after, number=at_most(request.number), reverse=request.reverse
        )
        yield from map(pfs.FileInfoMessages(), found)

    def WalkFile(self, request: pfs_pb2.WalkFileRequest, call: Call) -> Iterator[pfs_pb2.FileInfo]:
        """Tell about a path and everything below it."""
        spec, path = pfs.to_file(request.file)
        after = request.paginationMarker.path
        found = files.walk(
            self._store, spec, path, after=after, number=at_most(request.number), reverse=request.reverse
        )
        yield from map(pfs.FileInfoMessages(), found)

    def GlobFile(self, request: pfs_pb2.GlobFileRequest, call: Call) -> Iterator[pfs_pb2.FileInfo]:
        """Tell about everything that matches."""
        spec = pfs.to_commit_spec(request.commit)
        path_range = request.path_range.lower, request.path_range.upper
        found = files.glob(self._store, spec, request.pattern, path_range=path_range, cancelled=call.cancelled)
        yield from map(pfs.FileInfoMessages(), found)


def _check(request: pfs_pb2.GetFileRequest) -> None:
    if request.URL:
        raise UnimplementedError("copying files to a URL is not served yet; get them without one")
    if request.path_range.lower or request.path_range.upper:
        raise UnimplementedError("reading a range of paths is not served yet")
