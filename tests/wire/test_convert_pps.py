"""Specs are dictionaries in the model and messages on the wire; details repeat their fields by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hathi.model.errors import InvalidError
from hathi.model.ids import CommitSetId
from hathi.model.pps import (
    Counters,
    DatumInfo,
    DatumInput,
    DatumState,
    JobInfo,
    JobState,
    PipelineInfo,
    PipelineState,
    PipelineType,
    Stats,
    WorkerInfo,
)
from hathi.model.references import Job, Pipeline, Repo
from hathi.wire.convert import pps
from hathi.wire.gen import pfs_pb2, pps_pb2

EDGES = Pipeline("default", "edges")
JOB = Job(EDGES, CommitSetId("c" * 32))
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SPEC = {
    "pipeline": {"name": "edges", "project": {"name": "default"}},
    "transform": {"image": "python:3", "cmd": ["python", "edges.py"], "env": {"A": "b"}, "build": {"path": "."}},
    "input": {"cross": [{"pfs": {"name": "in", "repo": "images", "glob": "/*"}}, {"pfs": {"name": "b", "repo": "b"}}]},
    "parallelism_spec": {"constant": "3"},
    "datum_timeout": "1.5s",
    "datum_tries": 3,
    "tolerations": [{"key": "k", "operator": "EQUAL"}],
}


def pipeline_info() -> PipelineInfo:
    return PipelineInfo(
        pipeline=EDGES,
        version=2,
        type=PipelineType.TRANSFORM,
        state=PipelineState.RUNNING,
        reason="",
        stopped=False,
        created=NOON,
        spec=SPEC,
        user_spec_json="{}",
        effective_spec_json="{}",
        spec_commit=EDGES.spec.commit("d" * 32),
        runtime="process",
    )


def job_info() -> JobInfo:
    return JobInfo(
        job=JOB,
        version=2,
        state=JobState.RUNNING,
        reason="",
        created=NOON,
        started=NOON,
        finished=None,
        restarts=0,
        counters=Counters(processed=1, total=4),
        stats=Stats(process_seconds=1.5),
        output_commit=EDGES.output.commit(JOB.id),
        spec=SPEC,
        inputs={"in": Repo("default", "images").commit("e" * 32)},
        workers=(WorkerInfo("w1", JOB.id, "d1", NOON), WorkerInfo("w2")),
    )


def test_details_repeat_the_spec_by_name() -> None:
    details = pps.pipeline_info_message(pipeline_info(), details=True).details
    assert list(details.transform.cmd) == ["python", "edges.py"]
    assert dict(details.transform.env) == {"A": "b"}
    assert details.parallelism_spec.constant == 3
    assert (details.datum_timeout.seconds, details.datum_timeout.nanos) == (1, 500_000_000)
    assert details.tolerations[0].operator == pps_pb2.EQUAL
    assert details.input.cross[1].pfs.repo == "b"


def test_without_details_there_are_none() -> None:
    assert not pps.pipeline_info_message(pipeline_info(), details=False).HasField("details")
    assert not pps.job_info_message(job_info(), details=False).HasField("details")


def test_a_jobs_inputs_name_the_commits_it_reads() -> None:
    message = pps.job_info_message(job_info(), details=True)
    one, two = message.details.input.cross
    assert (one.pfs.commit, two.pfs.commit) == ("e" * 32, "")
    assert not one.HasField("cron")


def test_a_worker_without_a_datum_has_no_datum_status() -> None:
    busy, idle = pps.job_info_message(job_info(), details=True).details.worker_status
    assert busy.datum_status.started.seconds == int(NOON.timestamp())
    assert not idle.HasField("datum_status")


def test_a_request_becomes_its_json_form_in_snake_case() -> None:
    request = pps.spec_message(SPEC)
    spec = pps.to_spec(request)
    assert spec["transform"] == {"image": "python:3", "cmd": ["python", "edges.py"], "env": {"A": "b"}}
    assert spec["datum_timeout"] == "1.500s"
    assert spec["input"] == SPEC["input"]
    assert "update" not in spec


def test_a_datum_says_where_its_data_can_be_read() -> None:
    message = pps.datum_info_message(DatumInfo(JOB, "f" * 64, DatumState.SUCCESS))
    assert message.pfs_state.path == f"/pfs/{'f' * 64}"
    assert (message.pfs_state.commit.repo.type, message.pfs_state.commit.id) == ("meta", JOB.id)


def test_a_datum_of_no_job_is_a_preview() -> None:
    message = pps.datum_info_message(DatumInfo(None, "f" * 64, DatumState.UNKNOWN))
    assert not message.datum.HasField("job")
    assert not message.HasField("pfs_state")


def test_a_job_must_be_named_whole() -> None:
    with pytest.raises(InvalidError):
        pps.to_job(pps_pb2.Job(id="x"))
    with pytest.raises(InvalidError):
        pps.to_job(pps_pb2.Job(pipeline=pps_pb2.Pipeline(name="edges")))


def test_the_type_of_a_datums_input_follows_from_its_path() -> None:
    commit = Repo("default", "images").commit(CommitSetId("e" * 32))
    inputs = tuple(DatumInput("in", commit, "master", path) for path in ("/a.png", "/d/", "/"))
    message = pps.datum_info_message(DatumInfo(JOB, "d" * 64, DatumState.SUCCESS, inputs=inputs))
    assert [one.file_type for one in message.data] == [pfs_pb2.FILE, pfs_pb2.DIR, pfs_pb2.DIR]
