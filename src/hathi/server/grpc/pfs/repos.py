"""Repos over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.metadata.database import Transaction
from hathi.model.references import USER
from hathi.server.grpc.calls import Call
from hathi.server.grpc.operations import Operation, Operations
from hathi.server.grpc.paging import page
from hathi.versioning import repos
from hathi.versioning.store import Store
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2


def _create(tx: Transaction, request: pfs_pb2.CreateRepoRequest) -> Empty:
    repos.create(tx, pfs.to_repo(request.repo), request.description, update=request.update)
    return Empty()


def _delete(tx: Transaction, request: pfs_pb2.DeleteRepoRequest) -> pfs_pb2.DeleteRepoResponse:
    return pfs_pb2.DeleteRepoResponse(deleted=repos.delete(tx, pfs.to_repo(request.repo), force=request.force))


OPERATIONS = {
    "create_repo": Operation(pfs_pb2.CreateRepoRequest, Empty, _create),
    "delete_repo": Operation(pfs_pb2.DeleteRepoRequest, pfs_pb2.DeleteRepoResponse, _delete),
}


class Repos:
    """Repos."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self._store = store
        self._operations = operations

    def CreateRepo(self, request: pfs_pb2.CreateRepoRequest, call: Call) -> Empty:
        """Create a repo, or describe an existing one anew."""
        self._operations.do("create_repo", request, call)
        return Empty()

    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, call: Call) -> pfs_pb2.RepoInfo:
        """Tell about a repo, with its exact size."""
        with self._store.db.read() as tx:
            return pfs.repo_info_message(repos.inspect(tx, pfs.to_repo(request.repo)))

    def ListRepo(self, request: pfs_pb2.ListRepoRequest, call: Call) -> Iterator[pfs_pb2.RepoInfo]:
        """Tell about repos."""
        projects = [pfs.to_project(project) for project in request.projects]
        infos = repos.list_repos(self._store, projects=projects, type=request.type)
        yield from map(pfs.repo_info_message, page(infos, request.page.page_size, request.page.page_index))

    def DeleteRepo(self, request: pfs_pb2.DeleteRepoRequest, call: Call) -> pfs_pb2.DeleteRepoResponse:
        """Delete a repo; a missing one is no error."""
        response: pfs_pb2.DeleteRepoResponse = self._operations.do("delete_repo", request, call)
        return response

    def DeleteRepos(self, request: pfs_pb2.DeleteReposRequest, call: Call) -> pfs_pb2.DeleteReposResponse:
        """Delete the user repos of some projects, or of all; none given deletes none."""
        projects = [pfs.to_project(project) for project in request.projects]
        if not projects and not request.all:
            return pfs_pb2.DeleteReposResponse()
        with self._store.db.write() as tx:
            found = repos.list_names(tx, projects=() if request.all else projects, type=USER)
            deleted = repos.delete_together(tx, found, force=request.force)
        return pfs_pb2.DeleteReposResponse(repos=map(pfs.repo_message, deleted))
