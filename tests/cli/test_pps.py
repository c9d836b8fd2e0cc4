"""Pipelines, jobs, datums and logs as they are shown."""

from __future__ import annotations

import json

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from hathi.cli.render import pps
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2, version_pb2

NOW = 1_700_000_000
ID = "0123456789ab4def8123456789abcdef"
PIPELINE = pps_pb2.Pipeline(name="edges", project=pfs_pb2.Project(name="default"))
JOB = pps_pb2.Job(pipeline=PIPELINE, id=ID)


def ago(seconds: int) -> Timestamp:
    return Timestamp(seconds=NOW - seconds)


def pfs_input(repo: str) -> pps_pb2.Input:
    return pps_pb2.Input(pfs=pps_pb2.PFSInput(repo=repo, project="default", glob="/*"))


def job_info(**fields) -> pps_pb2.JobInfo:
    known = {"state": pps_pb2.JOB_SUCCESS, "data_total": 10, "data_processed": 3, "data_skipped": 7, **fields}
    stats = pps_pb2.ProcessStats(download_bytes=2048, process_time=Duration(seconds=61))
    return pps_pb2.JobInfo(job=JOB, started=ago(60), created=ago(60), finished=ago(50), stats=stats, **known)


def test_an_input_is_shown_in_one_line() -> None:
    one, two = pfs_input("a"), pfs_input("b")
    cron = pps_pb2.Input(cron=pps_pb2.CronInput(name="tick", spec="@daily"))
    assert pps.input_text(pps_pb2.Input(cross=[one, two])) == "(default/a:/* ⨯ default/b:/*)"
    assert pps.input_text(pps_pb2.Input(join=[one, two])) == "(default/a:/* ⋈ default/b:/*)"
    assert pps.input_text(pps_pb2.Input(union=[one, cron])) == "(default/a:/* ∪ tick:@daily)"
    assert pps.input_text(pps_pb2.Input(group=[one, two])) == "(Group: default/a:/*, default/b:/*)"
    assert pps.input_text(pps_pb2.Input()) == "none"


def pipeline_info(state=pps_pb2.PIPELINE_RUNNING, **fields) -> pps_pb2.PipelineInfo:
    details = pps_pb2.PipelineInfo.Details(
        input=pfs_input("images"), created_at=ago(3600 * 5), description="find edges", workers_requested=2
    )
    return pps_pb2.PipelineInfo(
        pipeline=PIPELINE, version=3, state=state, last_job_state=pps_pb2.JOB_SUCCESS, details=details, **fields
    )


def test_pipelines_are_listed_in_the_original_s_columns(pachctl, failing, server) -> None:
    server.answers["ListPipeline"] = [
        pipeline_info(),
        pipeline_info(state=pps_pb2.PIPELINE_CRASHING, reason="no image"),
    ]
    assert pachctl("list", "pipeline").lines == [
        "PROJECT NAME  VERSION INPUT             CREATED     STATE / LAST JOB   ALERTS   DESCRIPTION",
        "default edges 3       default/images:/* 5 hours ago running / success  -        find edges",
        "default edges 3       default/images:/* 5 hours ago crashing / success no image find edges",
    ]
    assert len(pachctl("list", "pipeline", "--state", "crashing").lines) == 2
    assert 'unknown pipeline state "broken"' in failing("list", "pipeline", "--state", "broken").err
    pachctl("list", "pipeline", "edges", "--history", "all", "-A")
    request = server.calls[-1].message
    assert (request.history, request.pipeline.name, list(request.projects), request.details) == (-1, "edges", [], True)


def test_specs_are_listed_so_that_they_can_be_submitted_again(pachctl, server) -> None:
    spec = {"pipeline": {"name": "edges"}, "datumTries": "3", "datumTimeout": "60s"}
    server.answers["ListPipeline"] = [pipeline_info(effective_spec_json=json.dumps(spec))]
    listed = json.loads(pachctl("list", "pipeline", "--spec").out)
    assert listed == {"pipeline": {"name": "edges"}, "datum_tries": "3", "datum_timeout": "60s"}


def test_a_pipeline_is_inspected_with_what_runs_it(pachctl, server) -> None:
    server.answers["InspectPipeline"] = pipeline_info(user_spec_json='{"a": 1}')
    server.answers["Pipeline"] = hathi_pb2.PipelineResponse(runtime="process", runtime_note="the image is not used")
    shown = pachctl("inspect", "pipeline", "edges").out
    assert "State: running\n" in shown
    assert "Workers Available: 0/2\n" in shown
    assert 'User Spec:\n{\n  "a": 1\n}' in shown
    assert "Runtime: process (the image is not used)" in shown
    assert "Warning" not in shown
    server.answers["Pipeline"].warnings.append("resource_limits.gpu is not enforced")
    assert "Warning: resource_limits.gpu is not enforced" in pachctl("inspect", "pipeline", "edges").out
    server.unserved = {"hathi_v1.About"}
    assert "Runtime" not in pachctl("inspect", "pipeline", "edges").out


def test_jobs_are_listed_in_the_original_s_columns(pachctl, failing, server) -> None:
    server.answers["ListJob"] = [
        job_info(),
        job_info(state=pps_pb2.JOB_FAILURE, reason="datum 0123456789 failed: exit code 1", data_recovered=1),
        job_info(data_skipped=10, data_processed=0),
        job_info(data_skipped=0, data_processed=0, data_total=0),
    ]
    lines = pachctl("list", "job", "-p", "edges").lines
    assert lines[0].split() == list(pps.JOB_HEADER)
    assert f"default edges    {ID} About a minute ago 10 seconds 0       3 + 7 / 10" in lines[1]
    assert lines[1].endswith("2KiB 0B success")
    assert lines[2].endswith("3 + 7 + 1 / 10 2KiB 0B failure: datum 0123456789 failed: ...")
    assert lines[3].endswith("success: 10 datums were processed before")
    assert lines[4].endswith("success: there were no datums to process")
    assert len(pachctl("list", "job", "-x", "--state", "failure").lines) == 2
    assert 'unknown job state "odd"' in failing("list", "job", "--state", "odd").err


def test_job_sets_are_listed_without_a_filter_and_one_set_by_its_id(pachctl, failing, server) -> None:
    running = job_info(state=pps_pb2.JOB_RUNNING)
    server.answers["ListJobSet"] = [
        pps_pb2.JobSetInfo(
            job_set=pps_pb2.JobSet(id=ID), jobs=[job_info(), job_info(state=pps_pb2.JOB_FAILURE), running, running]
        )
    ]
    assert pachctl("list", "job").lines[1].startswith(f"{ID} 4       ▇▇xx---- About a minute ago")
    server.answers["InspectJobSet"] = [job_info()]
    assert len(pachctl("list", "job", ID).lines) == 2
    assert "job set" in failing("list", "job", "edges").err


def test_a_job_is_inspected_by_pipeline_and_id_or_by_an_id_that_names_one(pachctl, failing, server) -> None:
    server.answers["InspectJob"] = job_info(reason="because")
    server.answers["Job"] = hathi_pb2.JobResponse(images=["host/a@sha256:1"])
    shown = pachctl("inspect", "job", f"edges@{ID}").out
    image = "Image ID: host/a@sha256:1"
    for line in ("State: success", "Reason: because", "Processed: 3", "Total: 10", "Process Time: 1m1s", image):
        assert f"{line}\n" in shown
    server.answers["InspectJobSet"] = [job_info()]
    pachctl("inspect", "job", ID)
    assert [call.message.job for call in server.asked("InspectJob")] == [JOB, JOB]
    server.answers["InspectJobSet"] = [job_info(), job_info()]
    assert "name one of its jobs: edges@" in failing("inspect", "job", ID).err
    assert "expected pipeline@job" in failing("inspect", "job", "edges").err


def test_waiting_for_a_job_asks_the_server_to_wait(pachctl, server) -> None:
    pachctl("wait", "job", f"edges@{ID}")
    assert server.one("InspectJob").wait
    pachctl("wait", "job", ID)
    assert server.one("InspectJobSet").wait
    pachctl("stop", "job", f"edges@{ID}")
    pachctl("delete", "job", f"edges@{ID}")
    assert server.one("StopJob").job == server.one("DeleteJob").job == JOB


def test_datums_are_listed_and_inspected(pachctl, failing, server) -> None:
    repo = pfs_pb2.Repo(name="images", type="user")
    file = pfs_pb2.File(commit=pfs_pb2.Commit(repo=repo, id=ID), path="/a.png")
    info = pps_pb2.DatumInfo(
        datum=pps_pb2.Datum(job=JOB, id="d1"),
        state=pps_pb2.FAILED,
        data=[pfs_pb2.FileInfo(file=file)],
        stats=pps_pb2.ProcessStats(process_time=Duration(nanos=250_000_000)),
    )
    server.answers["ListDatum"] = [info]
    server.answers["InspectDatum"] = info
    listed = pachctl("list", "datum", f"edges@{ID}").lines
    assert listed[0].split() == ["ID", "FILES", "STATUS", "TIME"]
    assert listed[1] == f"d1 images@{ID}:/a.png failed 250ms"
    shown = pachctl("inspect", "datum", f"edges@{ID}", "d1").out
    assert "State: failed\n" in shown
    assert f"  images   {ID}   /a.png" in shown
    pachctl("restart", "datum", f"edges@{ID}", "a.png,/b")
    assert list(server.one("RestartDatum").data_filters) == ["/a.png", "/b"]
    assert "either a job or a pipeline spec" in failing("list", "datum").err


def test_datums_of_a_spec_are_listed_without_a_pipeline(pachctl, server) -> None:
    spec = {
        "pipeline": {"name": "p"},
        "transform": {"image": "a:1", "cmd": ["x"]},
        "input": {"cross": [{"pfs": {"repo": "a", "glob": "/*"}}, {"pfs": {"repo": "b", "glob": "/"}}]},
    }
    pachctl("list", "datum", "-f", "-", text=json.dumps(spec))
    assert [each.pfs.repo for each in server.one("ListDatum").input.cross] == ["a", "b"]


def test_logs_are_one_message_a_line_or_whole_records(pachctl, failing, server) -> None:
    server.answers["GetLogs"] = [
        pps_pb2.LogMessage(message="hello\n", user=True, datum_id="d1", ts=Timestamp(seconds=1)),
        pps_pb2.LogMessage(message="starting"),
    ]
    assert pachctl("logs", "-p", "edges", "-f", "--since", "90m", "-t", "5").out == "hello\nstarting\n"
    request = server.one("GetLogs")
    assert (request.pipeline.name, request.follow, request.since.seconds, request.tail) == ("edges", True, 5400, 5)
    record = json.loads(pachctl("logs", "-j", f"edges@{ID}", "--datum", "d1", "--raw").lines[0])
    assert record == {"datum_id": "d1", "user": True, "ts": "1970-01-01T00:00:01Z", "message": "hello\n"}
    assert server.calls[-1].message.datum.job == JOB
    assert pachctl("logs", "-p", "edges", "--worker").out == "starting\n"
    server.answers["GetLogs"] = [
        pps_pb2.LogMessage(message=f"{number}\n", user=number % 2 == 1) for number in range(100)
    ]
    assert pachctl("logs", "-p", "edges", "-t", "2").out == "98\n99\n", "also when each worker's newest are sent"
    assert server.calls[-1].message.tail == 2
    assert pachctl("logs", "-p", "edges", "-t", "2", "--worker").out == "96\n98\n"
    assert server.calls[-1].message.tail == 0
    pachctl("logs", "-p", "edges", "--datum", "d1")
    assert server.calls[-1].message.datum.id == "d1"
    assert "--datum needs --job or --pipeline" in failing("logs", "--datum", "d1").err


def test_flush_waits_for_what_a_commit_causes(pachctl, server) -> None:
    commit = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="images", type="user"), id=ID)
    server.answers["InspectCommit"] = pfs_pb2.CommitInfo(commit=commit)
    server.answers["InspectJobSet"] = [job_info()]
    done = pachctl("flush-job", "images/master")
    assert "deprecated" in done.err
    assert len(done.lines) == 2
    assert server.one("InspectJobSet").wait
    assert pachctl("flush", "job", "images@master", "-p", "other").lines == [" ".join(pps.JOB_HEADER)]


def test_versions_of_both_sides_are_shown(pachctl, offline, failing, server) -> None:
    server.answers["GetVersion"] = version_pb2.Version(major=2, minor=12, micro=2)
    server.answers["Server"] = hathi_pb2.ServerResponse(version="9.9")
    shown = pachctl("version").lines
    assert shown[0] == "COMPONENT           VERSION"
    assert shown[2] == "pachd               9.9"
    raw = json.loads(pachctl("version", "--raw").out)
    assert raw["server_version"] == {"major": 2, "minor": 12, "micro": 2}
    assert "pachd is 9.9" in failing("version", "--compare").err
    server.unserved = {"hathi_v1.About"}
    assert pachctl("version").lines[2] == "pachd               2.12.2"
    nobody = offline("version", PACHD_ADDRESS="127.0.0.1:1")
    assert nobody.code == 1
    assert nobody.out.startswith("COMPONENT")
    assert "cannot connect" in nobody.err


def test_completion_scripts_are_printed_or_installed(offline, tmp_path) -> None:
    assert "_PACHCTL_COMPLETE" in offline("completion", "zsh").out
    target = tmp_path / "script"
    assert offline("completion", "zsh", "--install", "--path", str(target)).code == 0
    assert "pachctl" in target.read_text()
    assert "choose another place" in offline("completion", "zsh", "--install", "--path", str(target / "x")).err
