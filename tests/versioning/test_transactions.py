"""Transactions of clients: answers are what will happen, nothing happens before the end, and then all of it."""

from __future__ import annotations

import pytest

from hathi.model.errors import NotFoundError
from hathi.model.references import Branch
from hathi.versioning import branches, commits, repos, transactions
from hathi.versioning.errors import InconsistentCommit
from hathi.versioning.transactions import Request


@pytest.fixture
def operations(world):
    def create_repo(tx, body: bytes) -> bytes:
        repos.create(tx, world.a_repo(body.decode()))
        return b""

    def start_commit(tx, body: bytes) -> bytes:
        return commits.start(tx, world.a_branch(body.decode())).id.encode()

    def finish_commit(tx, body: bytes) -> bytes:
        commits.finish(tx, world.spec(body.decode()))
        return b""

    def create_branch(tx, body: bytes) -> bytes:
        branch, *sources = body.decode().split(" < ")
        branches.create(tx, world.a_branch(branch), provenance=[world.a_branch(source) for source in sources])
        return b""

    return {
        "create_repo": create_repo,
        "start_commit": start_commit,
        "finish_commit": finish_commit,
        "create_branch": create_branch,
    }


def queue(world, operations, id: str, kind: str, body: str) -> bytes:
    return transactions.append(world.store, id, [Request(kind, body.encode())], operations).responses[-1]


def test_nothing_happens_before_the_end_and_then_everything(world, operations) -> None:
    id = transactions.start(world.store).id
    queue(world, operations, id, "create_repo", "a")
    queue(world, operations, id, "create_repo", "b")
    foreseen = queue(world, operations, id, "start_commit", "a@master")
    assert queue(world, operations, id, "start_commit", "b@master") == foreseen
    with world.db.read() as tx:
        assert repos.list_names(tx) == []
    info = transactions.finish(world.store, id, operations)
    assert info.responses == (b"", b"", foreseen, foreseen)
    assert [str(one.commit) for one in world.set(foreseen.decode())] == [
        f"default/a@{foreseen.decode()}",
        f"default/b@{foreseen.decode()}",
    ]
    assert transactions.list_transactions(world.store) == []


def test_a_request_that_would_fail_is_refused_and_not_queued(world, operations) -> None:
    id = transactions.start(world.store).id
    queue(world, operations, id, "create_repo", "a")
    queue(world, operations, id, "start_commit", "a@master")
    queue(world, operations, id, "finish_commit", "a@master")
    with pytest.raises(InconsistentCommit, match=r"already has a commit in this transaction"):
        queue(world, operations, id, "start_commit", "a@master")
    with pytest.raises(NotFoundError):
        queue(world, operations, id, "start_commit", "none@master")
    assert [request.kind for request in transactions.inspect(world.store, id).requests] == [
        "create_repo",
        "start_commit",
        "finish_commit",
    ]


def test_a_rehearsal_propagates_too(world, operations) -> None:
    world.repos("a", "b")
    id = transactions.start(world.store).id
    queue(world, operations, id, "create_branch", "b@master < a@master")
    with pytest.raises(Exception, match=r"cannot participate in a DAG"):
        queue(world, operations, id, "create_branch", "b@other < a@master")
    transactions.finish(world.store, id, operations)
    assert world.head("b@master").direct_provenance == (Branch(world.a_repo("a"), "master"),)


def test_a_finish_that_fails_does_nothing_and_keeps_the_queue(world, operations) -> None:
    id = transactions.start(world.store).id
    queue(world, operations, id, "create_repo", "a")
    queue(world, operations, id, "create_repo", "b")
    world.repos("b")
    with pytest.raises(Exception, match="already exists"):
        transactions.finish(world.store, id, operations)
    with world.db.read() as tx:
        assert [repo.name for repo in repos.list_names(tx)] == ["b"]
    assert len(transactions.inspect(world.store, id).requests) == 2


def test_several_requests_at_once(world, operations) -> None:
    world.repos("a")
    requests = [Request("start_commit", b"a@master"), Request("finish_commit", b"a@master")]
    info = transactions.batch(world.store, requests, operations)
    assert world.log("a") == [info.responses[0].decode()]
    id = transactions.start(world.store).id
    assert transactions.append(world.store, id, requests, operations).requests == tuple(requests)


def test_transactions_are_listed_and_deleted(world, operations) -> None:
    one, two = transactions.start(world.store), transactions.start(world.store)
    assert [info.id for info in transactions.list_transactions(world.store)] == [one.id, two.id]
    queue(world, operations, one.id, "create_repo", "a")
    transactions.delete(world.store, one.id)
    for call in (transactions.inspect, transactions.delete):
        with pytest.raises(NotFoundError, match=r"transaction .* not found"):
            call(world.store, one.id)
    with pytest.raises(NotFoundError):
        transactions.finish(world.store, one.id, operations)
    transactions.delete_all(world.store)
    assert transactions.list_transactions(world.store) == []


def test_events_leave_once_at_the_end(world, operations) -> None:
    world.repos("a")
    with world.db.feed.subscribe("commit/") as subscription:
        id = transactions.start(world.store).id
        foreseen = queue(world, operations, id, "start_commit", "a@master")
        assert subscription.wait(0) == set()
        transactions.finish(world.store, id, operations)
        assert subscription.wait(0) == {f"commit/default/a/{foreseen.decode()}"}
