"""Branches over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.metadata.database import Transaction
from hathi.model.errors import UnimplementedError
from hathi.server.grpc.calls import Call
from hathi.server.grpc.operations import Operation, Operations
from hathi.versioning import branches
from hathi.versioning.store import Store
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2


def _create(tx: Transaction, request: pfs_pb2.CreateBranchRequest) -> Empty:
    if request.trigger.ByteSize():  # a branch whose trigger never fires would be a lie
        raise UnimplementedError("branch triggers are not served yet; move the branch with `create branch --head`")
    branches.create(
        tx,
        pfs.to_branch(request.branch),
        pfs.to_optional_commit_spec(request.head),
        [pfs.to_branch(branch) for branch in request.provenance],
        new_commit_set=request.new_commit_set,
        silent=[pfs.to_branch(spec.branch) for spec in request.branch_propagation_specs if spec.propagation_spec.never],
    )
    return Empty()


def _delete(tx: Transaction, request: pfs_pb2.DeleteBranchRequest) -> Empty:
    branches.delete(tx, pfs.to_branch(request.branch), force=request.force)
    return Empty()


OPERATIONS = {
    "create_branch": Operation(pfs_pb2.CreateBranchRequest, Empty, _create),
    "delete_branch": Operation(pfs_pb2.DeleteBranchRequest, Empty, _delete),
}


class Branches:
    """Branches."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self._store = store
        self._operations = operations

    def CreateBranch(self, request: pfs_pb2.CreateBranchRequest, call: Call) -> Empty:
        """Create a branch, or change an existing one."""
        self._operations.do("create_branch", request, call)
        return Empty()

    def InspectBranch(self, request: pfs_pb2.InspectBranchRequest, call: Call) -> pfs_pb2.BranchInfo:
        """Tell about a branch."""
        with self._store.db.read() as tx:
            return pfs.branch_info_message(branches.inspect(tx, pfs.to_branch(request.branch)))

    def ListBranch(self, request: pfs_pb2.ListBranchRequest, call: Call) -> Iterator[pfs_pb2.BranchInfo]:
        """Tell about the branches of a repo."""
        infos = branches.list_branches(self._store, pfs.to_repo(request.repo), reverse=request.reverse)
        yield from map(pfs.branch_info_message, infos)

    def DeleteBranch(self, request: pfs_pb2.DeleteBranchRequest, call: Call) -> Empty:
        """Delete a branch; its commits stay."""
        self._operations.do("delete_branch", request, call)
        return Empty()
