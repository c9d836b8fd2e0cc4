"""How pipelines, jobs and datums are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from hathi.cli import references
from hathi.cli.render import documents, sizes, tables, times
from hathi.cli.render.pfs import progress_bar
from hathi.wire.gen import pfs_pb2, pps_pb2

Fields = list[tuple[str, str]]

PIPELINE_HEADER = ("PROJECT", "NAME", "VERSION", "INPUT", "CREATED", "STATE / LAST JOB", "ALERTS", "DESCRIPTION")
JOB_HEADER = ("PROJECT", "PIPELINE", "ID", "STARTED", "DURATION", "RESTART", "PROGRESS", "DL", "UL", "STATE")
SET_HEADER = ("ID", "SUBJOBS", "PROGRESS", "CREATED", "MODIFIED")
DATUM_HEADER = ("ID", "FILES", "STATUS", "TIME")
REASON = 25
NOTHING_TO_DO = "success: there were no datums to process"
ALL_DONE_BEFORE = "success: {} {} processed before"
ENDED = (pps_pb2.JOB_SUCCESS, pps_pb2.JOB_FAILURE, pps_pb2.JOB_KILLED, pps_pb2.JOB_UNRUNNABLE)

_COLORS = {
    "running": "green", "success": "green", "standby": "green", "recovered": "green", "skipped": "green",
    "starting": "yellow", "restarting": "yellow", "paused": "yellow", "egressing": "yellow", "finishing": "yellow",
    "failure": "red", "failed": "red", "crashing": "red", "killed": "red", "unrunnable": "red",
}  # fmt: skip


def painted(state: str, *, color: bool) -> str:
    """Return a state, in its colour where there are colours."""
    return click.style(state, fg=_COLORS[state]) if color and state in _COLORS else state


def pipeline_state(state: pps_pb2.PipelineState.ValueType) -> str:
    """Return a pipeline's state as people read it."""
    return pps_pb2.PipelineState.Name(state).removeprefix("PIPELINE_").lower()


def job_state(state: pps_pb2.JobState.ValueType) -> str:
    """Return a job's state as people read it; one that is merely created has none yet."""
    if state in (pps_pb2.JOB_STATE_UNKNOWN, pps_pb2.JOB_CREATED):
        return "-"
    return pps_pb2.JobState.Name(state).removeprefix("JOB_").lower()


def input_text(value: pps_pb2.Input) -> str:
    """Return an input in one line, e.g. `(default/a:/* ⨯ default/b:/)`."""
    if value.HasField("pfs"):
        return f"{value.pfs.project or 'default'}/{value.pfs.repo}:{value.pfs.glob}"
    if value.HasField("cron"):
        return f"{value.cron.name}:{value.cron.spec}"
    if value.group:
        return f"(Group: {', '.join(map(input_text, value.group))})"
    for parts, sign in ((value.cross, "⨯"), (value.join, "⋈"), (value.union, "∪")):
        if parts:
            return f"({f' {sign} '.join(map(input_text, parts))})"
    return "none"


def pipeline_row(info: pps_pb2.PipelineInfo, *, full: bool, color: bool) -> tuple[str, ...]:
    """Return a pipeline as a row of a table."""
    state = painted(pipeline_state(info.state), color=color)
    last = painted(job_state(info.last_job_state), color=color)
    details = info.details
    return (
        info.pipeline.project.name,
        info.pipeline.name,
        str(info.version),
        input_text(details.input),
        times.ago(details.created_at, full=full) if details.HasField("created_at") else "-",
        f"{state} / {last}",
        alert(info) or "-",
        tables.clean(details.description),
    )


def alert(info: pps_pb2.PipelineInfo) -> str:
    """Return what needs a person's attention, in a few words, or ""."""
    if info.state in (pps_pb2.PIPELINE_CRASHING, pps_pb2.PIPELINE_FAILURE):
        return tables.clean(info.reason or info.details.recent_error)[:60]
    return ""


def pipeline_fields(info: pps_pb2.PipelineInfo, *, full: bool, color: bool) -> Fields:
    """Return what `inspect pipeline` shows."""
    details = info.details
    return [
        ("Name", info.pipeline.name),
        ("Project", info.pipeline.project.name),
        ("Description", details.description),
        ("Created", times.ago(details.created_at, full=full) if details.HasField("created_at") else ""),
        ("State", painted(pipeline_state(info.state), color=color)),
        ("Reason", info.reason),
        ("Workers Available", f"{details.workers_available}/{details.workers_requested}"),
        ("Stopped", str(info.stopped).lower()),
        ("Parallelism Spec", _json(details, "parallelism_spec")),
        *_resources(details),
        ("Datum Timeout", _length(details.datum_timeout)),
        ("Job Timeout", _length(details.job_timeout)),
        ("Input", _block(details, "input")),
        ("Output Branch", details.output_branch),
        ("Transform", _block(details, "transform")),
        ("Egress", _block(details, "egress")),
        ("Recent Error", details.recent_error),
        ("User Spec", _pretty(info.user_spec_json)),
        ("Effective Spec", _pretty(info.effective_spec_json)),
    ]


def job_row(info: pps_pb2.JobInfo, *, full: bool, color: bool) -> tuple[str, ...]:
    """Return a job as a row of a table."""
    end = info.finished if info.HasField("finished") else None
    begun = info.HasField("started")
    return (
        info.job.pipeline.project.name,
        info.job.pipeline.name,
        info.job.id,
        times.ago(info.started, full=full) if begun else "-",
        times.between(info.started, end) if begun else "-",
        str(info.restart),
        progress(info),
        sizes.size(info.stats.download_bytes),
        sizes.size(info.stats.upload_bytes),
        _job_state(info, color=color),
    )


def progress(info: pps_pb2.JobInfo) -> str:
    """Return how many datums are done, e.g. `3 + 4 / 10` for processed, skipped and all."""
    recovered = f" + {info.data_recovered}" if info.data_recovered else ""
    return f"{info.data_processed} + {info.data_skipped}{recovered} / {info.data_total}"


def _job_state(info: pps_pb2.JobInfo, *, color: bool) -> str:
    if info.state == pps_pb2.JOB_SUCCESS and not info.data_total:
        return NOTHING_TO_DO
    if info.state == pps_pb2.JOB_SUCCESS and info.data_total == info.data_skipped:
        return ALL_DONE_BEFORE.format(info.data_total, "datum was" if info.data_total == 1 else "datums were")
    state = painted(job_state(info.state), color=color)
    reason = tables.clean(info.reason)
    return f"{state}: {reason[:REASON]}{'...' if len(reason) > REASON else ''}" if reason else state


def job_fields(info: pps_pb2.JobInfo, *, full: bool, color: bool) -> Fields:
    """Return what `inspect job` shows."""
    details, stats = info.details, info.stats
    end = info.finished if info.HasField("finished") else None
    return [
        ("ID", info.job.id),
        ("Pipeline", info.job.pipeline.name),
        ("Project", info.job.pipeline.project.name),
        ("Started", times.ago(info.started, full=full) if info.HasField("started") else "-"),
        ("Duration", times.between(info.started, end) if info.HasField("started") else ""),
        ("State", painted(job_state(info.state), color=color)),
        ("Reason", info.reason),
        ("Processed", str(info.data_processed)),
        ("Failed", str(info.data_failed)),
        ("Skipped", str(info.data_skipped)),
        ("Recovered", str(info.data_recovered)),
        ("Total", str(info.data_total)),
        ("Data Downloaded", sizes.size(stats.download_bytes)),
        ("Data Uploaded", sizes.size(stats.upload_bytes)),
        ("Download Time", times.exact(_seconds(stats.download_time))),
        ("Process Time", times.exact(_seconds(stats.process_time))),
        ("Upload Time", times.exact(_seconds(stats.upload_time))),
        ("Datum Timeout", _length(details.datum_timeout)),
        ("Job Timeout", _length(details.job_timeout)),
        ("Worker Status", _workers(details.worker_status)),
        ("Restarts", str(info.restart)),
        ("ParallelismSpec", _json(details, "parallelism_spec")),
        *_resources(details),
        ("Service", _block(details, "service")),
        ("Input", _block(details, "input")),
        ("Transform", _block(details, "transform")),
        ("Output Commit", info.output_commit.id),
        ("Egress", _block(details, "egress")),
    ]


def set_row(info: pps_pb2.JobSetInfo, *, full: bool, color: bool) -> tuple[str, ...]:
    """Return a job set as a row of a table."""
    good = sum(1 for job in info.jobs if job.state == pps_pb2.JOB_SUCCESS)
    bad = sum(1 for job in info.jobs if job.state in ENDED and job.state != pps_pb2.JOB_SUCCESS)
    made = [job.created for job in info.jobs if job.HasField("created")]
    changed = [*made, *(job.finished for job in info.jobs if job.HasField("finished"))]
    return (
        info.job_set.id,
        str(len(info.jobs)),
        progress_bar(good, bad, len(info.jobs), color=color),
        times.ago(min(made, key=times.seconds), full=full) if made else "-",
        times.ago(max(changed, key=times.seconds), full=full) if changed else "-",
    )


def datum_row(info: pps_pb2.DatumInfo, *, color: bool) -> tuple[str, ...]:
    """Return a datum as a row of a table."""
    files = ", ".join(_file(each) for each in info.data)
    return (
        info.datum.id or "-",
        files,
        painted(_datum_state(info), color=color),
        times.exact(_whole_time(info)) if info.HasField("stats") else "-",
    )


def datum_fields(info: pps_pb2.DatumInfo, *, color: bool) -> Fields:
    """Return what `inspect datum` shows, apart from its tables."""
    stats = info.stats
    return [
        ("ID", info.datum.id),
        ("Job ID", info.datum.job.id),
        ("Image ID", info.image_id),
        ("State", painted(_datum_state(info), color=color)),
        ("Data Downloaded", sizes.size(stats.download_bytes)),
        ("Data Uploaded", sizes.size(stats.upload_bytes)),
        ("Total Time", times.exact(_whole_time(info))),
        ("Download Time", times.exact(_seconds(stats.download_time))),
        ("Process Time", times.exact(_seconds(stats.process_time))),
        ("Upload Time", times.exact(_seconds(stats.upload_time))),
    ]


def file_rows(files: Iterable[pfs_pb2.File]) -> list[tuple[str, str, str]]:
    """Return files as rows of REPO, COMMIT and PATH."""
    return [(references.short(references.repo_in(each.commit)), each.commit.id, each.path) for each in files]


def _datum_state(info: pps_pb2.DatumInfo) -> str:
    return pps_pb2.DatumState.Name(info.state).lower()


def _file(info: pfs_pb2.FileInfo) -> str:
    repo = references.repo_in(info.file.commit)
    return f"{references.short(repo)}@{info.file.commit.id}:{info.file.path}"


def _whole_time(info: pps_pb2.DatumInfo) -> float:
    stats = info.stats
    return sum(_seconds(each) for each in (stats.download_time, stats.process_time, stats.upload_time))


def _seconds(length: Duration) -> float:
    return length.seconds + length.nanos / 1e9


def _length(length: Duration) -> str:
    return times.exact(_seconds(length)) if _seconds(length) else ""


def _resources(details: pps_pb2.PipelineInfo.Details | pps_pb2.JobInfo.Details) -> Fields:
    names = ("resource_requests", "resource_limits", "sidecar_resource_requests", "sidecar_resource_limits")
    return [(name.replace("_", " ").title(), _json(details, name)) for name in names]


def _json(message: Message, field: str) -> str:
    """Return a part of a message as JSON in one line, "" when it is not set."""
    return json.dumps(documents.to_json(getattr(message, field))) if message.HasField(field) else ""


def _block(message: Message, field: str) -> str:
    """Return a part of a message as JSON on lines of its own, "" when it is not set."""
    if not message.HasField(field):
        return ""
    return "\n" + json.dumps(documents.to_json(getattr(message, field)), indent=2, ensure_ascii=False)


def _pretty(text: str) -> str:
    try:
        return "\n" + json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""
    except ValueError:
        return text


def _workers(workers: Iterable[pps_pb2.WorkerStatus]) -> str:
    rows = [
        (
            each.worker_id,
            each.job_id,
            ", ".join(file.path for file in each.datum_status.data) or "-",
            times.ago(each.datum_status.started) if each.datum_status.HasField("started") else "-",
        )
        for each in workers
    ]
    if not rows:
        return ""
    return "\n" + "\n".join(tables.aligned([("WORKER", "JOB", "DATUM", "STARTED"), *rows], least=10, padding=3))
