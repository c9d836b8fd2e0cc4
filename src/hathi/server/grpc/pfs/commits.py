"""Commits and commit sets over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.metadata.database import Transaction
from hathi.model.errors import InvalidError, UnimplementedError
from hathi.model.infos import CommitState, Origin
from hathi.model.references import CommitSpec
from hathi.server.grpc.calls import Call
from hathi.server.grpc.operations import Operation, Operations
from hathi.server.grpc.paging import at_most
from hathi.versioning import commit_lists, commits, waiting
from hathi.versioning.store import Store
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2


def _start(tx: Transaction, request: pfs_pb2.StartCommitRequest) -> pfs_pb2.Commit:
    parent = pfs.to_optional_commit_spec(request.parent)
    return pfs.commit_message(commits.start(tx, pfs.to_branch(request.branch), parent, request.description))


def _finish(tx: Transaction, request: pfs_pb2.FinishCommitRequest) -> Empty:
    spec = pfs.to_commit_spec(request.commit)
    commits.finish(tx, spec, request.description or None, request.error, force=request.force)
    return Empty()


OPERATIONS = {
    "start_commit": Operation(pfs_pb2.StartCommitRequest, pfs_pb2.Commit, _start),
    "finish_commit": Operation(pfs_pb2.FinishCommitRequest, Empty, _finish),
}


class Commits:
    """Commits and commit sets."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self._store = store
        self._operations = operations

    def StartCommit(self, request: pfs_pb2.StartCommitRequest, call: Call) -> pfs_pb2.Commit:
        """Start a commit on a branch."""
        commit: pfs_pb2.Commit = self._operations.do("start_commit", request, call)
        return commit

    def FinishCommit(self, request: pfs_pb2.FinishCommitRequest, call: Call) -> Empty:
        """Close a commit."""
        self._operations.do("finish_commit", request, call)
        return Empty()

    def ClearCommit(self, request: pfs_pb2.ClearCommitRequest, call: Call) -> Empty:
        """Forget what was written to an open commit."""
        with self._store.db.write() as tx:
            commits.clear(tx, pfs.to_commit_spec(request.commit))
        return Empty()

    def InspectCommit(self, request: pfs_pb2.InspectCommitRequest, call: Call) -> pfs_pb2.CommitInfo:
        """Tell about a commit, perhaps once it is so far."""
        spec = pfs.to_commit_spec(request.commit)
        if not request.wait:
            with self._store.db.read() as tx:
                return pfs.commit_info_message(commits.inspect(tx, spec))
        with call.waiting():
            info = waiting.wait_commit(self._store, spec, _state(request.wait), call.cancelled, call.on_leave)
        return pfs.commit_info_message(info)

    def ListCommit(self, request: pfs_pb2.ListCommitRequest, call: Call) -> Iterator[pfs_pb2.CommitInfo]:
        """Tell about the commits of a repo."""
        if request.HasField("started_time"):
            raise UnimplementedError("listing commits by started_time is not served yet")
        infos = commit_lists.list_commits(
            self._store,
            pfs.to_repo(request.repo),
            from_=_from(request),
            to=pfs.to_optional_commit_spec(request.to),
            number=at_most(request.number),
            reverse=request.reverse,
            origin=_origin(request.origin_kind),
        )
        yield from map(pfs.commit_info_message, infos)

    def SubscribeCommit(self, request: pfs_pb2.SubscribeCommitRequest, call: Call) -> Iterator[pfs_pb2.CommitInfo]:
        """Tell about the commits of a repo as they come, until the client leaves."""
        with call.waiting():
            yield from map(
                pfs.commit_info_message,
                waiting.subscribe(
                    self._store,
                    pfs.to_repo(request.repo),
                    request.branch,
                    from_=_from(request),
                    state=_state(request.state) if request.state else CommitState.STARTED,
                    origin=_origin(request.origin_kind),
                    cancelled=call.cancelled,
                    on_leave=call.on_leave,
                ),
            )

    def InspectCommitSet(self, request: pfs_pb2.InspectCommitSetRequest, call: Call) -> Iterator[pfs_pb2.CommitInfo]:
        """Tell about the commits that share an id, perhaps each once it has finished."""
        id = request.commit_set.id
        if not request.wait:
            with self._store.db.read() as tx:
                infos = commits.commit_set(tx, id)
            yield from map(pfs.commit_info_message, infos)
            return
        with call.waiting():
            finished = waiting.wait_commit_set(self._store, id, call.cancelled, call.on_leave)
            yield from map(pfs.commit_info_message, finished)

    def ListCommitSet(self, request: pfs_pb2.ListCommitSetRequest, call: Call) -> Iterator[pfs_pb2.CommitSetInfo]:
        """Tell about all commit sets."""
        infos = commit_lists.list_commit_sets(self._store, request.project.name)
        yield from map(pfs.commit_set_info_message, infos)


def _state(number: int) -> CommitState:
    try:
        return CommitState(number)
    except ValueError:
        raise InvalidError(f"unknown commit state {number}") from None


def _origin(number: int) -> Origin | None:
    try:
        return Origin(number) if number else None
    except ValueError:
        raise InvalidError(f"unknown origin kind {number}") from None


def _from(request: pfs_pb2.ListCommitRequest | pfs_pb2.SubscribeCommitRequest) -> CommitSpec | None:
    """Return the commit in the field `from`, whose name is a keyword in Python."""
    return pfs.to_optional_commit_spec(getattr(request, "from"))
