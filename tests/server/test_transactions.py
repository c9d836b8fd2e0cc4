"""Calls with a transaction active are rehearsed and queued; finishing does them all at once."""

from __future__ import annotations

import json

import pytest

from hathi.model.errors import ExistsError, InvalidError, NotFoundError, UnimplementedError
from hathi.wire.gen import pfs_pb2, pps_pb2, transaction_pb2


@pytest.fixture
def transaction(client):
    """Make a transaction active."""
    transaction = client.transaction.StartTransaction(transaction_pb2.StartTransactionRequest())
    client.active_transaction = transaction.id
    return transaction


def repos(client) -> list[str]:
    return sorted(info.repo.name for info in client.pfs.ListRepo(pfs_pb2.ListRepoRequest()))


def create(client, name: str) -> None:
    client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo={"name": name}))


def start(client, name: str) -> pfs_pb2.Commit:
    branch = pfs_pb2.Branch(repo=pfs_pb2.Repo(name=name), name="master")
    return client.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=branch))


def finish(client, transaction) -> transaction_pb2.TransactionInfo:
    return client.transaction.FinishTransaction(transaction_pb2.FinishTransactionRequest(transaction=transaction))


def test_nothing_happens_before_the_end_and_then_everything(client, transaction) -> None:
    create(client, "a")
    create(client, "b")
    one, two = start(client, "a"), start(client, "b")
    assert one.id == two.id
    assert repos(client) == []
    info = finish(client, transaction)
    assert repos(client) == ["a", "b"]
    assert [response.commit.id for response in info.responses] == ["", "", one.id, one.id]
    client.active_transaction = ""
    commit = pfs_pb2.Commit(repo={"name": "b"}, id=one.id)
    assert not client.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=commit)).HasField("finished")


def pipeline(client, name: str, input: str) -> None:
    spec = {
        "pipeline": {"name": name},
        "transform": {"cmd": ["true"], "image": "debian:12"},
        "input": {"pfs": {"repo": input, "glob": "/*"}},
    }
    answer = client.pps.CreatePipelineV2(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=json.dumps(spec)))
    assert json.loads(answer.effective_create_pipeline_request_json)["datumTries"] == 3


def test_a_pipeline_may_stand_on_what_is_queued_before_it(client, transaction) -> None:
    create(client, "a")
    pipeline(client, "b", "a")
    pipeline(client, "c", "b")
    with pytest.raises(NotFoundError):
        pipeline(client, "d", "nope")
    with pytest.raises(ExistsError):
        pipeline(client, "b", "a")
    finish(client, transaction)
    client.active_transaction = ""
    names = [info.pipeline.name for info in client.pps.ListPipeline(pps_pb2.ListPipelineRequest())]
    assert sorted(names) == ["b", "c"]


def test_what_cannot_work_is_told_when_it_is_queued(client, transaction) -> None:
    create(client, "a")
    with pytest.raises(ExistsError):
        create(client, "a")
    with pytest.raises(NotFoundError):
        start(client, "nope")
    finish(client, transaction)
    assert repos(client) == ["a"]


def test_a_queue_can_be_looked_at_and_forgotten(client, transaction) -> None:
    create(client, "a")
    request = transaction_pb2.InspectTransactionRequest(transaction=transaction)
    info = client.transaction.InspectTransaction(request)
    assert info.requests[0].create_repo.repo.name == "a"
    listed = client.transaction.ListTransaction(transaction_pb2.ListTransactionRequest()).transaction_info
    assert [one.transaction.id for one in listed] == [transaction.id]
    client.transaction.DeleteTransaction(transaction_pb2.DeleteTransactionRequest(transaction=transaction))
    with pytest.raises(NotFoundError):
        client.transaction.InspectTransaction(request)
    client.transaction.DeleteAll(transaction_pb2.DeleteAllRequest())


def test_a_batch_is_all_or_nothing(client) -> None:
    one, bad = ({"create_repo": {"repo": {"name": name}}} for name in ("good", "good"))
    with pytest.raises(ExistsError):
        client.transaction.BatchTransaction(transaction_pb2.BatchTransactionRequest(requests=[one, bad]))
    assert repos(client) == []
    info = client.transaction.BatchTransaction(transaction_pb2.BatchTransactionRequest(requests=[one]))
    assert repos(client) == ["good"]
    assert len(info.responses) == 1


def test_a_request_holds_exactly_one_change_and_one_that_is_served(client) -> None:
    for requests, kind in (
        ([{}], InvalidError),
        ([{"create_repo": {"repo": {"name": "a"}}, "delete_repo": {"repo": {"name": "a"}}}], InvalidError),
        ([{"squash_commit_set": {"commit_set": {"id": "x"}}}], UnimplementedError),
    ):
        with pytest.raises(kind):
            client.transaction.BatchTransaction(transaction_pb2.BatchTransactionRequest(requests=requests))
