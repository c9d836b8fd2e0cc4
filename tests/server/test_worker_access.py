"""`hathi_v1.Workers` answers workers alone, each for its own pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hathi.server.grpc.backend import Backend
from hathi.wire.client import Client
from hathi.wire.errors import DeniedError, UnauthenticatedError
from hathi.wire.gen import hathi_pb2 as wire
from hathi.wire.gen import pfs_pb2, pps_pb2

METHODS = list(wire.DESCRIPTOR.services_by_name["Workers"].methods)


@pytest.fixture
def pipelines(client: Client, repo: pfs_pb2.Repo, put: Callable[..., None]) -> None:
    """Two pipelines, `p` and `q`, each with a job of one datum."""
    put(repo, {"/a": b"a"})
    for name in "pq":
        spec = {
            "pipeline": {"name": name},
            "transform": {"cmd": ["true"]},
            "input": {"pfs": {"repo": "images", "glob": "/*"}},
        }
        client.pps.CreatePipelineV2(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=json.dumps(spec)))


def claim(client: Client, name: str) -> str:
    request = wire.ClaimRequest(group=f"default/{name}/v1", worker=f"worker of {name}", wait_seconds=60)
    return next(iter(client.workers.Claim(request))).claim_id


def holder(client: Client, name: str) -> str:
    return client.workers.OpenHolder(wire.OpenHolderRequest(group=f"default/{name}/v1", name="w")).id


@pytest.mark.parametrize("token", ["", "hathi-worker:default/p/v1:" + "0" * 64, "other"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_nobody_without_a_token_is_served(address: str, method, token: str) -> None:
    from google.protobuf.message_factory import GetMessageClass

    message = GetMessageClass(method.input_type)()
    with Client(address, token=token) as client, pytest.raises(UnauthenticatedError, match="pachd --worker-token"):
        call = getattr(client.workers, method.name)
        answer = call(iter([message]) if method.client_streaming else message)
        list(answer)


def test_a_worker_claims_work_of_its_own_pipeline_only(pipelines: None, worker: Client) -> None:
    assert claim(worker, "p")
    with pytest.raises(DeniedError, match="token is for default/p, not for default/q/v1"):
        claim(worker, "q")


def test_a_token_of_a_version_is_good_for_that_version(pipelines: None, address: str, backend: Backend) -> None:
    with Client(address, token=backend.tokens.issue("default/p/v2")) as client, pytest.raises(DeniedError):
        claim(client, "p")


def test_claims_and_logs_of_another_pipeline_cannot_be_forged(
    pipelines: None, worker: Client, address: str, backend: Backend
) -> None:
    with Client(address, token=backend.tokens.issue("default/q/v1")) as other:
        held = claim(other, "q")
        for _ in range(2):  # also when the claim is known already
            with pytest.raises(DeniedError):
                worker.workers.Beat(wire.BeatRequest(claim_id=held, worker="worker of q"))
        with pytest.raises(DeniedError):
            worker.workers.Report(wire.ReportRequest(claim_id=held, worker="worker of q", error="forged"))
        with pytest.raises(DeniedError):
            worker.workers.AppendLogs(wire.AppendLogsRequest(project="default", pipeline="q", lines=[{"message": "x"}]))
        assert not other.workers.Beat(wire.BeatRequest(claim_id=held, worker="worker of q")).lost


def test_a_claim_that_nobody_knows_is_lost_and_not_denied(worker: Client) -> None:
    assert worker.workers.Beat(wire.BeatRequest(claim_id="unknown", worker="w")).lost


def test_nobody_ends_or_prolongs_the_life_of_another_process(worker: Client, address: str, backend: Backend) -> None:
    """Ids of holders are no secret: the keys of packs contain them."""
    with pytest.raises(DeniedError):
        worker.workers.OpenHolder(wire.OpenHolderRequest(group="default/q/v1", name="w"))
    with Client(address, token=backend.tokens.issue("default/q/v1")) as other:
        of_other = other.workers.OpenHolder(wire.OpenHolderRequest(group="default/q/v1", name="w")).id
        for holder in (backend.store.ledger.holder(), of_other):
            with pytest.raises(DeniedError):
                worker.workers.EndHolder(wire.EndHolderRequest(id=holder))
            with pytest.raises(DeniedError):
                worker.workers.BeatHolder(wire.BeatHolderRequest(id=holder, oldest=0))
        assert other.workers.BeatHolder(wire.BeatHolderRequest(id=of_other, oldest=0)).alive
    assert not worker.workers.BeatHolder(wire.BeatHolderRequest(id="gone", oldest=0)).alive


def test_objects_are_read_while_there_is_work_at_hand(pipelines: None, worker: Client, backend: Backend) -> None:
    backend.objects.put("packs/x", b"bytes")
    request = wire.ReadObjectRequest(key="packs/x", length=-1)
    with pytest.raises(DeniedError, match="pipeline default/p has no work at hand"):
        list(worker.workers.ReadObject(request))
    assert claim(worker, "p")
    assert [answer.data for answer in worker.workers.ReadObject(request)] == [b"bytes"]


def test_workers_write_new_packs_and_nothing_else(worker: Client, backend: Backend) -> None:
    from hathi.model.errors import ExistsError

    def write(key: str, data: bytes) -> None:
        worker.workers.WriteObject(iter([wire.WriteObjectRequest(key=key), wire.WriteObjectRequest(data=data)]))

    key = f"packs/00/{holder(worker, 'p')}-0-0"
    write(key, b"bytes")
    write(key, b"bytes")
    with pytest.raises(ExistsError, match="never overwritten"):
        write(key, b"others")
    with pytest.raises(DeniedError, match="workers write packs only"):
        write("indexes/x", b"bytes")
    with pytest.raises(DeniedError, match="a pack of no known worker"):
        write(f"packs/00/{'a' * 32}-0-0", b"bytes")
    with pytest.raises(DeniedError, match="not for the server"):
        write(f"packs/00/{backend.store.ledger.holder()}-0-0", b"bytes")
    assert list(backend.objects.list("packs/00/")) == [key]


def test_nobody_writes_reports_or_ends_for_a_worker_of_another_pipeline(
    pipelines: None, worker: Client, address: str, backend: Backend
) -> None:
    """Everybody sees the ids of others in the keys of packs."""
    with Client(address, token=backend.tokens.issue("default/q/v1")) as other:
        theirs = holder(other, "q")
        held = claim(worker, "p")
        for _ in range(2):  # also when the holder is known already
            with pytest.raises(DeniedError, match="not for default/q/v1"):
                worker.workers.WriteObject(iter([wire.WriteObjectRequest(key=f"packs/00/{theirs}-0-0", data=b"x")]))
            with pytest.raises(DeniedError):
                worker.workers.EndHolder(wire.EndHolderRequest(id=theirs))
            with pytest.raises(DeniedError):
                worker.workers.Report(wire.ReportRequest(claim_id=held, worker="worker of p", holder_id=theirs))
        own = holder(worker, "p")
        with pytest.raises(DeniedError, match="written by another process"):
            packs = [wire.Pack(name=f"packs/00/{theirs}-0-0", size=1, chunks=1)]
            worker.workers.Report(wire.ReportRequest(claim_id=held, worker="worker of p", holder_id=own, packs=packs))
        assert other.workers.BeatHolder(wire.BeatHolderRequest(id=theirs)).alive
