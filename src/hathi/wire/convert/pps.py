"""Words of pipelines, jobs and datums: messages of `pps_v2` and the model.

A spec is a dictionary in JSON form in the model, and a `CreatePipelineRequest` on the wire; details of pipelines
and jobs repeat its fields under the same names, so they are copied by name. What only the dictionary knows (fields
of 1.x or of Hathi's own) stays out of the messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf import json_format

from hathi.model.batching import batches
from hathi.model.errors import InvalidError
from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumInfo, DatumInput, JobInfo, LogMessage, PipelineInfo, Spec, Stats, WorkerInfo
from hathi.model.references import Commit, Job, Pipeline
from hathi.wire.convert import pfs
from hathi.wire.convert.common import duration_message, time_message
from hathi.wire.gen import pfs_pb2, pps_pb2

DATA_BYTES = 16 << 20
"""Bytes of inputs in the message of one datum: what lies beyond them is told by the meta commit alone."""

Details = TypeVar("Details", pps_pb2.PipelineInfo.Details, pps_pb2.JobInfo.Details)


def to_pipeline(message: pps_pb2.Pipeline) -> Pipeline:
    """Return the pipeline; InvalidError when it has no name."""
    if not message.name:
        raise InvalidError("pipeline must be specified")
    return Pipeline(pfs.to_project(message.project), message.name)


def to_job(message: pps_pb2.Job) -> Job:
    """Return the job; InvalidError when its pipeline or its id is missing."""
    if not message.id:
        raise InvalidError("job must have an id")
    return Job(to_pipeline(message.pipeline), CommitSetId(message.id))


def pipeline_message(pipeline: Pipeline) -> pps_pb2.Pipeline:
    """Return the message for a pipeline."""
    return pps_pb2.Pipeline(name=pipeline.name, project=pfs.project_message(pipeline.project))


def job_message(job: Job) -> pps_pb2.Job:
    """Return the message for a job."""
    return pps_pb2.Job(pipeline=pipeline_message(job.pipeline), id=job.id)


def to_spec(message: pps_pb2.CreatePipelineRequest) -> dict[str, Any]:
    """Return a request's JSON form, in snake_case; what modifies the request (`update`, ...) is in it too."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def to_input(message: pps_pb2.Input) -> dict[str, Any]:
    """Return the JSON form of an input, in snake_case."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def spec_message(spec: Spec) -> pps_pb2.CreatePipelineRequest:
    """Return the request that a validated spec is the JSON form of."""
    return json_format.ParseDict(dict(spec), pps_pb2.CreatePipelineRequest(), ignore_unknown_fields=True)


def stats_message(stats: Stats) -> pps_pb2.ProcessStats:
    """Return the message for the time and bytes spent."""
    return pps_pb2.ProcessStats(
        download_time=duration_message(stats.download_seconds),
        process_time=duration_message(stats.process_seconds),
        upload_time=duration_message(stats.upload_seconds),
        download_bytes=stats.download_bytes,
        upload_bytes=stats.upload_bytes,
    )


def worker_message(worker: WorkerInfo) -> pps_pb2.WorkerStatus:
    """Return the message that tells what a worker does."""
    data = [pps_pb2.InputFile(path=part.path, hash=part.hash) for part in worker.inputs]
    status = pps_pb2.DatumStatus(started=time_message(worker.started), data=data) if worker.datum else None
    return pps_pb2.WorkerStatus(worker_id=worker.id, job_id=worker.job, datum_status=status)


def job_info_message(info: JobInfo, *, details: bool) -> pps_pb2.JobInfo:
    """Return the message that describes a job."""
    counters = info.counters
    message = pps_pb2.JobInfo(
        job=job_message(info.job),
        pipeline_version=info.version,
        output_commit=pfs.commit_message(info.output_commit),
        restart=info.restarts,
        data_processed=counters.processed,
        data_skipped=counters.skipped,
        data_total=counters.total,
        data_failed=counters.failed,
        data_recovered=counters.recovered,
        stats=stats_message(info.stats),
        state=pps_pb2.JobState.ValueType(info.state.value),
        reason=info.reason,
        created=time_message(info.created),
        started=time_message(info.started),
        finished=time_message(info.finished),
    )
    if details:
        message.details.SetInParent()
        _copy_spec(info.spec, message.details)
        _name_commits(message.details.input, info.inputs)
        message.details.worker_status.extend(worker_message(worker) for worker in info.workers)
    return message


def pipeline_info_message(info: PipelineInfo, *, details: bool) -> pps_pb2.PipelineInfo:
    """Return the message that describes a pipeline."""
    last = 0 if info.last_job_state is None else info.last_job_state.value
    parallelism = (info.spec.get("parallelism_spec") or {}).get("constant") or 1
    message = pps_pb2.PipelineInfo(
        pipeline=pipeline_message(info.pipeline),
        version=info.version,
        spec_commit=pfs.commit_message(info.spec_commit),
        stopped=info.stopped,
        state=pps_pb2.PipelineState.ValueType(info.state.value),
        reason=info.reason,
        last_job_state=pps_pb2.JobState.ValueType(last),
        parallelism=int(parallelism),
        type=pps_pb2.PipelineInfo.PipelineType.ValueType(info.type.value),
        user_spec_json=info.user_spec_json,
        effective_spec_json=info.effective_spec_json,
    )
    if details:
        message.details.SetInParent()
        _copy_spec(info.spec, message.details)
        message.details.created_at.CopyFrom(time_message(info.created))
        message.details.workers_requested = info.workers_requested
        message.details.workers_available = info.workers_available
        message.details.reason = info.reason
    return message


def datum_info_message(info: DatumInfo) -> pps_pb2.DatumInfo:
    """Return the message that describes a datum, with as many of its inputs as a message may hold.

    All of its inputs, and its outputs, can be read at `pfs_state` in the meta commit.
    """
    data = batches(map(_input_message, info.inputs), pfs_pb2.FileInfo.ByteSize, DATA_BYTES, max(len(info.inputs), 1))
    message = pps_pb2.DatumInfo(
        datum=pps_pb2.Datum(id=info.id),
        state=pps_pb2.DatumState.ValueType(info.state.value),
        stats=stats_message(info.stats),
        data=next(data, ()),
        image_id=info.image,
    )
    if info.job is not None:
        message.datum.job.CopyFrom(job_message(info.job))
        meta = info.job.pipeline.meta.commit(info.job.id)
        message.pfs_state.CopyFrom(pfs_pb2.File(commit=pfs.commit_message(meta), path=f"/pfs/{info.id}"))
    return message


def log_message(line: LogMessage, inputs: Iterable[DatumInput] = ()) -> pps_pb2.LogMessage:
    """Return the message for one line of a log. inputs: what its datum reads."""
    return pps_pb2.LogMessage(
        project_name=line.project,
        pipeline_name=line.pipeline,
        job_id=line.job,
        worker_id=line.worker,
        datum_id=line.datum,
        master=line.master,
        data=[pps_pb2.InputFile(path=part.path, hash=part.hash) for part in inputs],
        user=line.user,
        ts=time_message(line.time),
        message=line.message,
    )


def _input_message(input: DatumInput) -> pfs_pb2.FileInfo:
    file = pfs_pb2.File(commit=pfs.commit_message(input.commit), path=input.path)
    kind = pfs_pb2.FileType.DIR if input.path.endswith("/") else pfs_pb2.FileType.FILE
    return pfs_pb2.FileInfo(file=file, file_type=kind, size_bytes=input.size, hash=input.hash)


def _copy_spec(spec: Spec, details: Details) -> None:
    """Copy the fields of a spec that `details` has too."""
    request = spec_message(spec)
    names = details.DESCRIPTOR.fields_by_name
    for field, value in request.ListFields():
        if field.name not in names:
            continue
        if field.is_repeated:
            getattr(details, field.name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(details, field.name).CopyFrom(value)
        else:
            setattr(details, field.name, value)


def _name_commits(input: pps_pb2.Input, commits: Mapping[str, Commit]) -> None:
    """Fill in the commits that a job's inputs read, found by input name."""
    for leaf in (input.pfs, input.cron):
        commit = commits.get(leaf.name)
        if commit is not None:
            leaf.commit = commit.id
    for children in (input.cross, input.union, input.join, input.group):
        for child in children:
            _name_commits(child, commits)
