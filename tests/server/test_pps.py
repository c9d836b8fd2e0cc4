"""Pipelines, jobs, datums, logs and work over the wire."""

from __future__ import annotations

import json
import logging
import time
from contextlib import closing

import pytest
from google.protobuf.empty_pb2 import Empty

from hathi.model.errors import ExistsError, InvalidError, NotFoundError, UnimplementedError
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.model.references import Repo
from hathi.pipelines import work
from hathi.server.logging import kept
from hathi.storage.chunks.store import Chunks
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of
from hathi.wire.gen import hathi_pb2, pfs_pb2, transaction_pb2
from hathi.wire.gen import pps_pb2 as pb
from hathi.worker.remote import ApiLedger

SPEC = {
    "pipeline": {"name": "edges"},
    "transform": {"cmd": ["true"], "image": "debian:12"},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
    "parallelismSpec": {"constant": 3},
    "datum_timeout": "60s",
}
EDGES = pb.Pipeline(name="edges", project={"name": "default"})


@pytest.fixture
def create(client, repo):
    """Create or update the pipeline from JSON."""

    def run(spec=SPEC, **fields):
        text = spec if isinstance(spec, str) else json.dumps(spec)
        request = pb.CreatePipelineV2Request(create_pipeline_request_json=text, **fields)
        return json.loads(client.pps.CreatePipelineV2(request).effective_create_pipeline_request_json)

    return run


def inspect(client, details=True) -> pb.PipelineInfo:
    return client.pps.InspectPipeline(pb.InspectPipelineRequest(pipeline=EDGES, details=details))


def jobs(client, **fields) -> list[pb.JobInfo]:
    return list(client.pps.ListJob(pb.ListJobRequest(pipeline=EDGES, **fields)))


def work_once(client, backend, fail: bool = False) -> hathi_pb2.ClaimResponse:
    """Do what a worker does: claim a set, run its datums (each copies its path), report."""
    client.token = backend.tokens.issue("default/edges/v1")
    workers = client.workers
    claim, *more = workers.Claim(hathi_pb2.ClaimRequest(group="default/edges/v1", worker="w1", wait_seconds=20))
    assert claim.claim_id
    for message in more:
        claim.MergeFrom(message)
    beat = hathi_pb2.BeatRequest(claim_id=claim.claim_id, worker="w1", datum_id=claim.datums[0].id)
    assert not workers.Beat(beat).lost
    lines = [
        hathi_pb2.LogLine(time_ns=time.time_ns(), message=f"saw {path}", job=claim.job_id, datum=datum.id, user=True)
        for datum in claim.datums
        for path in [datum.inputs[0].path]
    ]
    workers.AppendLogs(hathi_pb2.AppendLogsRequest(project="default", pipeline="edges", worker="w1", lines=lines))
    chunks = Chunks(backend.objects, ApiLedger(client, "default/edges/v1", "w1"))
    with closing(chunks), chunks.upload() as upload:
        records = []
        for datum in claim.datums:
            state = DatumState.FAILED if fail else DatumState.SUCCESS
            outputs = () if fail else ((datum.inputs[0].path, upload.content([b"edges"]).encode()),)
            records.append(DatumRecord(datum.id, datum.hash, state, claim.job_id, (), outputs, reason="broken"))
        index = tree.build(DATUMS, upload, sorted((key_of(one.id), one.encode()) for one in records))
        packs = upload.seal()
        upload.named(packs)
    report = hathi_pb2.ReportRequest(
        claim_id=claim.claim_id,
        worker="w1",
        holder_id=upload.holder,
        packs=[hathi_pb2.Pack(name=pack.name, size=pack.size, chunks=pack.chunks) for pack in packs],
        index=index,
        image="debian@sha256:1",
        processed=0 if fail else len(records),
        failed=len(records) if fail else 0,
        failed_datum=records[0].id if fail else "",
        failed_reason="broken" if fail else "",
    )
    assert workers.Report(report).taken
    return claim


def test_a_pipeline_from_json_keeps_the_users_text(client, create) -> None:
    effective = create()
    assert effective["transform"]["image"] == "debian:12"
    info = inspect(client)
    assert json.loads(info.user_spec_json) == SPEC
    assert (info.version, info.type, info.parallelism) == (1, pb.PipelineInfo.PIPELINE_TYPE_TRANSFORM, 3)
    assert info.details.input.pfs.glob == "/*"
    assert info.details.datum_timeout.seconds == 60
    assert info.spec_commit.repo.type == "spec"


def test_details_are_left_out_unless_asked_for_but_never_of_listed_pipelines(client, create) -> None:
    create()
    assert not inspect(client, details=False).HasField("details")
    for listed in client.pps.ListPipeline(pb.ListPipelineRequest()):
        assert (listed.pipeline, listed.parallelism, listed.HasField("details")) == (EDGES, 3, True)
    for info in jobs(client):
        assert not info.HasField("details")


def test_a_pipeline_from_a_message(client, repo) -> None:
    client.pps.CreatePipeline(
        pb.CreatePipelineRequest(
            pipeline=EDGES,
            transform={"cmd": ["true"]},
            input={"pfs": {"repo": "images", "glob": "/"}},
            datum_tries=5,
        )
    )
    details = inspect(client).details
    assert (details.datum_tries, details.input.pfs.name) == (5, "images")


def test_a_dry_run_says_what_would_be_and_does_nothing(client, create) -> None:
    assert create(dry_run=True)["datumTries"] in (3, "3")
    assert create({**SPEC, "dry_run": True})
    with pytest.raises(NotFoundError):
        inspect(client)


def test_wrong_specs_are_refused_with_every_mistake(client, create) -> None:
    with pytest.raises(InvalidError) as raised:
        create({**SPEC, "nonsense": 1, "datum_tries": "many"})
    assert "nonsense" in raised.value.message
    assert "datum_tries" in raised.value.message
    for text in ("[]", "{", "3"):
        with pytest.raises(InvalidError, match="could not unmarshal"):
            create(text)
    with pytest.raises(NotFoundError):
        inspect(client)


def test_update(client, create) -> None:
    create()
    with pytest.raises(ExistsError, match="already exists"):
        create()
    create({**SPEC, "description": "new"}, update=True)
    create({**SPEC, "update": True})
    assert inspect(client).version == 3
    versions = client.pps.ListPipeline(pb.ListPipelineRequest(pipeline=EDGES, history=-1))
    assert [info.version for info in versions] == [3, 2, 1]


def test_a_pipeline_in_a_transaction(client, create) -> None:
    start = transaction_pb2.StartTransactionRequest()
    client.active_transaction = client.transaction.StartTransaction(start).id
    create()
    with pytest.raises(NotFoundError):
        inspect(client)
    finish = transaction_pb2.FinishTransactionRequest(transaction={"id": client.active_transaction})
    info = client.transaction.FinishTransaction(finish)
    assert info.requests[0].create_pipeline_v2.create_pipeline_request.pipeline.name == "edges"
    assert inspect(client).version == 1


def test_stop_start_delete(client, create) -> None:
    create()
    client.pps.StopPipeline(pb.StopPipelineRequest(pipeline=EDGES))
    assert inspect(client).stopped
    client.pps.StartPipeline(pb.StartPipelineRequest(pipeline=EDGES))
    assert not inspect(client).stopped
    client.pps.DeletePipeline(pb.DeletePipelineRequest(pipeline=EDGES))
    with pytest.raises(NotFoundError):
        inspect(client)


def test_missing_pipelines_are_errors_only_when_the_client_says_so(client) -> None:
    client.pps.DeletePipeline(pb.DeletePipelineRequest(pipeline=EDGES))
    client.pps.StopPipeline(pb.StopPipelineRequest(pipeline=EDGES))
    with pytest.raises(NotFoundError):
        client.pps.DeletePipeline(pb.DeletePipelineRequest(pipeline=EDGES, must_exist=True))
    with pytest.raises(NotFoundError):
        client.pps.StopPipeline(pb.StopPipelineRequest(pipeline=EDGES, must_exist=True))


def test_deleting_many(client, create) -> None:
    create()
    assert not client.pps.DeletePipelines(pb.DeletePipelinesRequest()).pipelines
    assert list(client.pps.DeletePipelines(pb.DeletePipelinesRequest(all=True)).pipelines) == [EDGES]


def test_a_job_from_commit_to_end(client, backend, create, repo, put) -> None:
    put(repo, {"/a.png": b"a", "/b.png": b"b"})
    create()
    claims = []
    job = jobs(client)[0].job
    while not jobs(client)[0].HasField("finished") and len(claims) < 2:
        claims.append(work_once(client, backend))
    info = client.pps.InspectJob(pb.InspectJobRequest(job=job, wait=True, details=True))
    assert (info.state, info.data_processed, info.data_total) == (pb.JOB_SUCCESS, 2, 2)
    assert info.details.input.pfs.commit
    claim = claims[0]
    assert (claim.pipeline, claim.version, claim.job_id) == ("edges", 1, job.id)
    assert json.loads(claim.transform_json)["image"] == "debian:12"
    assert claim.datum_timeout_seconds == 60
    source = claim.datums[0].inputs[0]
    assert len(claim.roots[str(Repo("default", "images").commit(source.commit))]) == 64
    output = pfs_pb2.Commit(repo={"name": "edges"}, id="master")
    found = client.pfs.GlobFile(pfs_pb2.GlobFileRequest(commit=output, pattern="/*"))
    assert [one.file.path for one in found] == ["/a.png", "/b.png"]

    datums = list(client.pps.ListDatum(pb.ListDatumRequest(job=job)))
    assert [datum.state for datum in datums] == [pb.SUCCESS, pb.SUCCESS]
    one = client.pps.InspectDatum(pb.InspectDatumRequest(datum=datums[0].datum))
    assert one.datum == datums[0].datum
    assert not list(client.pps.ListDatum(pb.ListDatumRequest(job=job, filter={"state": [pb.FAILED]})))

    lines = list(client.pps.GetLogs(pb.GetLogsRequest(job=job)))
    assert sorted(line.message for line in lines) == ["saw /a.png", "saw /b.png"]
    assert all(line.user and line.worker_id == "w1" and line.pipeline_name == "edges" for line in lines)

    members = client.pps.InspectJobSet(pb.InspectJobSetRequest(job_set={"id": job.id}, wait=True))
    assert [member.job for member in members] == [job]
    sets = list(client.pps.ListJobSet(pb.ListJobSetRequest()))
    assert [one.job_set.id for one in sets] == [job.id]
    about = client.about.Job(hathi_pb2.JobRequest(pipeline="edges", id=job.id))
    assert list(about.images) == ["debian@sha256:1"]
    subscription = client.pps.SubscribeJob(pb.SubscribeJobRequest(pipeline=EDGES))
    put(repo, {"/c.png": b"c"})
    assert next(subscription).job == jobs(client)[0].job
    subscription.cancel()


def test_a_failed_datum_fails_its_job_with_its_reason(client, backend, create, repo, put) -> None:
    put(repo, {"/a.png": b"a"})
    create()
    work_once(client, backend, fail=True)
    info = client.pps.InspectJob(pb.InspectJobRequest(job=jobs(client)[0].job, wait=True))
    assert (info.state, info.data_failed) == (pb.JOB_FAILURE, 1)
    assert info.reason.startswith("datum ")


def test_stopping_a_job(client, create, repo, put) -> None:
    put(repo, {"/a.png": b"a"})
    create()
    job = jobs(client)[0].job
    client.pps.StopJob(pb.StopJobRequest(job=job, reason="enough"))
    info = client.pps.InspectJob(pb.InspectJobRequest(job=job, wait=True))
    assert info.state == pb.JOB_KILLED
    client.pps.StopJob(pb.StopJobRequest(job=job))
    assert client.pps.InspectJob(pb.InspectJobRequest(job=job)).state == pb.JOB_KILLED
    client.pps.DeleteJob(pb.DeleteJobRequest(job=job))
    assert jobs(client) == []


def test_a_waiting_worker_is_told_of_nothing_in_time(client, backend, create) -> None:
    create()
    client.token = backend.tokens.issue("default/edges")
    request = hathi_pb2.ClaimRequest(group="default/edges/v1", worker="w1", wait_seconds=0)
    assert [answer.claim_id for answer in client.workers.Claim(request)] == [""]


def test_logs_are_followed_until_the_client_leaves(client, backend, create) -> None:
    create()
    answers = client.pps.GetLogs(pb.GetLogsRequest(pipeline=EDGES, follow=True))
    line = hathi_pb2.LogLine(time_ns=time.time_ns(), message="hello", user=True)
    client.token = backend.tokens.issue("default/edges")
    client.workers.AppendLogs(
        hathi_pb2.AppendLogsRequest(project="default", pipeline="edges", worker="w1", lines=[line])
    )
    assert next(answers).message == "hello"
    answers.cancel()
    assert list(answers) == []


def test_lines_tell_what_their_datum_reads_and_are_chosen_by_it(client, backend, create, repo, put) -> None:
    client.token = backend.tokens.issue("default/edges")
    put(repo, {"/a.png": b"a", "/b.png": b"b"})
    create({**SPEC, "datum_set_spec": {"number": 2}})
    workers = client.workers
    header, *more = workers.Claim(hathi_pb2.ClaimRequest(group="default/edges/v1", worker="w1", wait_seconds=20))
    for datum in (datum for message in more for datum in message.datums):
        name = datum.inputs[0].path
        lines = [
            hathi_pb2.LogLine(time_ns=time.time_ns(), message=name, job=header.job_id, datum=datum.id, user=user)
            for user in (True, False)
        ]
        workers.AppendLogs(hathi_pb2.AppendLogsRequest(project="default", pipeline="edges", worker="w1", lines=lines))
    found = list(client.pps.GetLogs(pb.GetLogsRequest(pipeline=EDGES, data_filters=["/a.png"])))
    assert [(line.message, line.user, line.worker_id) for line in found] == [
        ("/a.png", True, "w1"),
        ("/a.png", False, "w1"),
    ]
    assert [[part.path for part in line.data] for line in found] == [["/a.png"]] * 2
    assert len(found[0].data[0].hash) == 32
    last = list(client.pps.GetLogs(pb.GetLogsRequest(pipeline=EDGES, tail=2)))
    assert [line.message for line in last] == ["/b.png"] * 2


def test_logs_of_what_does_not_exist(client, repo) -> None:
    with pytest.raises(NotFoundError):
        list(client.pps.GetLogs(pb.GetLogsRequest(pipeline=EDGES)))
    with pytest.raises(InvalidError, match="with its job or its pipeline"):
        list(client.pps.GetLogs(pb.GetLogsRequest(datum={"id": "0" * 64})))


def test_controllers_tell_of_every_state_in_the_masters_log(client, backend, create, repo, put) -> None:
    put(repo, {"/a.png": b"a"})
    create()
    work_once(client, backend)
    (job,) = jobs(client)
    client.pps.InspectJob(pb.InspectJobRequest(job=job.job, wait=True))
    wanted = pb.GetLogsRequest(job=job.job, master=True, follow=True)
    lines = []
    for line in client.pps.GetLogs(wanted):
        lines.append(line)
        if line.message == "job is success":
            break
    assert [line.message for line in lines] == ["job is running", "job is finishing", "job is success"]
    assert all(line.master and line.job_id == job.job.id for line in lines)
    assert not [line for line in client.pps.GetLogs(pb.GetLogsRequest(job=job.job)) if line.master]


def test_without_a_pipeline_the_servers_own_log_is_told(client, backend) -> None:
    with kept(backend.logs.append_own):
        logging.getLogger("hathi.server").warning("the disk is nearly full")
    lines = list(client.pps.GetLogs(pb.GetLogsRequest()))
    assert [line.message for line in lines] == ["WARNING hathi.server: the disk is nearly full"]
    logging.getLogger("hathi.server").warning("nobody keeps this")
    assert len(list(client.pps.GetLogs(pb.GetLogsRequest()))) == 1


def test_a_jobs_workers_tell_what_their_datum_reads(client, backend, create, repo, put) -> None:
    client.token = backend.tokens.issue("default/edges/v1")
    put(repo, {"/a.png": b"a"})
    create()
    header, more = client.workers.Claim(hathi_pb2.ClaimRequest(group="default/edges/v1", worker="w1", wait_seconds=20))
    client.workers.Beat(hathi_pb2.BeatRequest(claim_id=header.claim_id, worker="w1", datum_id=more.datums[0].id))
    job = pb.Job(pipeline=EDGES, id=header.job_id)
    (status,) = client.pps.InspectJob(pb.InspectJobRequest(job=job, details=True)).details.worker_status
    assert [part.path for part in status.datum_status.data] == ["/a.png"]


def test_what_an_input_would_make(client, repo, put) -> None:
    put(repo, {"/a": b"", "/b": b""})
    datums = list(client.pps.ListDatum(pb.ListDatumRequest(input={"pfs": {"repo": "images", "glob": "/*"}})))
    assert sorted(datum.data[0].file.path for datum in datums) == ["/a", "/b"]
    assert {datum.state for datum in datums} == {pb.UNKNOWN}


def test_what_an_input_would_make_is_told_in_pages(client, repo, put) -> None:
    put(repo, {"/a": b"", "/b": b"", "/c": b""})
    wanted = {"input": {"pfs": {"repo": "images", "glob": "/*"}}, "number": 2}
    page = list(client.pps.ListDatum(pb.ListDatumRequest(**wanted)))
    rest = list(client.pps.ListDatum(pb.ListDatumRequest(**wanted, paginationMarker=page[-1].datum.id)))
    back = list(client.pps.ListDatum(pb.ListDatumRequest(**wanted, reverse=True)))
    assert [[datum.data[0].file.path for datum in each] for each in (page, rest, back)] == [
        ["/a", "/b"],
        ["/c"],
        ["/c", "/b"],
    ]
    with pytest.raises(InvalidError, match="cannot specify both job and input"):
        list(client.pps.ListDatum(pb.ListDatumRequest(**wanted, job=pb.Job(pipeline=EDGES, id="1" * 32))))


def test_jq_filters_are_refused_not_ignored(client) -> None:
    for call, request in (
        (client.pps.ListJob, pb.ListJobRequest(jqFilter=".")),
        (client.pps.ListJobSet, pb.ListJobSetRequest(jqFilter=".")),
        (client.pps.ListPipeline, pb.ListPipelineRequest(jqFilter=".")),
    ):
        with pytest.raises(UnimplementedError, match="jqFilter"):
            list(call(request))


def test_about_a_pipeline(client, create) -> None:
    create()
    about = client.about.Pipeline(hathi_pb2.PipelineRequest(pipeline="edges"))
    assert (about.runtime, about.runtime_note, about.datums_kept) == ("fake", "", 0)
    with pytest.raises(NotFoundError):
        client.about.Pipeline(hathi_pb2.PipelineRequest(pipeline="nope"))


def test_the_pack_ledger_and_the_object_store_for_workers_elsewhere(client, backend, create, monkeypatch) -> None:
    client.token = backend.tokens.issue("default/edges")
    monkeypatch.setattr(work, "holders", lambda tx, pipeline: {"w1"})  # one is at work, so they may read
    workers = client.workers
    holder = workers.OpenHolder(hathi_pb2.OpenHolderRequest(group="default/edges/v1", name="w"))
    beat = hathi_pb2.BeatHolderRequest(id=holder.id, oldest=holder.version)
    assert workers.BeatHolder(beat).alive
    data = bytes(range(256)) * 8192
    key = f"packs/00/{holder.id}-0-0"
    requests = [hathi_pb2.WriteObjectRequest(key=key, data=data[:1000])]
    requests.append(hathi_pb2.WriteObjectRequest(data=data[1000:]))
    workers.WriteObject(iter(requests))
    assert backend.objects.get(key) == data
    workers.EndHolder(hathi_pb2.EndHolderRequest(id=holder.id))
    assert not workers.BeatHolder(beat).alive

    def read(offset: int, length: int) -> bytes:
        request = hathi_pb2.ReadObjectRequest(key=key, offset=offset, length=length)
        return b"".join(part.data for part in workers.ReadObject(request))

    assert read(0, -1) == data
    assert read(5, 7) == data[5:12]
    (catalogue, *_) = workers.Catalogue(hathi_pb2.CatalogueRequest(since=-1))
    assert not list(workers.Catalogue(hathi_pb2.CatalogueRequest(since=catalogue.version)))


def test_delete_all(client, create) -> None:
    create()
    client.pps.DeleteAll(Empty())
    assert list(client.pps.ListPipeline(pb.ListPipelineRequest())) == []
