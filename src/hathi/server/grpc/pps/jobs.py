"""Jobs and job sets over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.metadata.database import Transaction
from hathi.model.errors import InvalidError
from hathi.model.pps import JobState
from hathi.pipelines import job_waits, jobs
from hathi.server.grpc.calls import Call
from hathi.server.grpc.filters import no_jq
from hathi.server.grpc.operations import Operation, Operations
from hathi.server.grpc.paging import at_most
from hathi.versioning.store import Store
from hathi.wire.convert import pfs, pps
from hathi.wire.convert.common import optional_time
from hathi.wire.gen import pps_pb2


def _stop(tx: Transaction, request: pps_pb2.StopJobRequest) -> Empty:
    jobs.stop(tx, pps.to_job(request.job), reason=request.reason)
    return Empty()


def _update_state(tx: Transaction, request: pps_pb2.UpdateJobStateRequest) -> Empty:
    try:
        state = JobState(request.state)
    except ValueError:
        raise InvalidError(f"unknown job state {request.state}") from None
    jobs.update_state(tx, pps.to_job(request.job), state, request.reason)
    return Empty()


OPERATIONS = {
    "stop_job": Operation(pps_pb2.StopJobRequest, Empty, _stop),
    "update_job_state": Operation(pps_pb2.UpdateJobStateRequest, Empty, _update_state),
}


class Jobs:
    """Jobs and job sets."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self._store = store
        self._operations = operations

    def InspectJob(self, request: pps_pb2.InspectJobRequest, call: Call) -> pps_pb2.JobInfo:
        """Tell about a job, perhaps once it has ended."""
        job = pps.to_job(request.job)
        if request.wait:
            with call.waiting():
                info = job_waits.wait(
                    self._store, job, details=request.details, cancelled=call.cancelled, on_leave=call.on_leave
                )
        else:
            with self._store.db.read() as tx:
                info = jobs.inspect(tx, job, details=request.details)
        return pps.job_info_message(info, details=request.details)

    def ListJob(self, request: pps_pb2.ListJobRequest, call: Call) -> Iterator[pps_pb2.JobInfo]:
        """Tell about jobs."""
        no_jq(request.jqFilter)
        infos = jobs.list_jobs(
            self._store,
            projects=[pfs.to_project(project) for project in request.projects],
            pipeline=pps.to_pipeline(request.pipeline) if request.pipeline.name else None,
            inputs=[pfs.to_commit_spec(commit) for commit in request.input_commit],
            history=request.history,
            details=request.details,
            before=optional_time(request, "paginationMarker"),
            number=at_most(request.number),
            reverse=request.reverse,
        )
        for info in infos:
            yield pps.job_info_message(info, details=request.details)

    def InspectJobSet(self, request: pps_pb2.InspectJobSetRequest, call: Call) -> Iterator[pps_pb2.JobInfo]:
        """Tell about the jobs that share an id, perhaps each once it has ended."""
        id = request.job_set.id
        if not request.wait:
            with self._store.db.read() as tx:
                found = jobs.inspect_set(tx, id, details=request.details).jobs
            for info in found:
                yield pps.job_info_message(info, details=request.details)
            return
        with call.waiting():
            ended = job_waits.wait_set(
                self._store, id, details=request.details, cancelled=call.cancelled, on_leave=call.on_leave
            )
            for info in ended:
                yield pps.job_info_message(info, details=request.details)

    def ListJobSet(self, request: pps_pb2.ListJobSetRequest, call: Call) -> Iterator[pps_pb2.JobSetInfo]:
        """Tell about job sets."""
        no_jq(request.jqFilter)
        sets = jobs.list_sets(
            self._store,
            projects=[pfs.to_project(project) for project in request.projects],
            before=optional_time(request, "paginationMarker"),
            number=at_most(request.number),
            reverse=request.reverse,
            details=request.details,
        )
        for one in sets:
            infos = [pps.job_info_message(info, details=request.details) for info in one.jobs]
            yield pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=one.id), jobs=infos)

    def SubscribeJob(self, request: pps_pb2.SubscribeJobRequest, call: Call) -> Iterator[pps_pb2.JobInfo]:
        """Tell about the jobs of a pipeline as they come, until the client leaves."""
        pipeline = pps.to_pipeline(request.pipeline)
        with call.waiting():
            made = job_waits.subscribe(
                self._store, pipeline, details=request.details, cancelled=call.cancelled, on_leave=call.on_leave
            )
            for info in made:
                yield pps.job_info_message(info, details=request.details)

    def StopJob(self, request: pps_pb2.StopJobRequest, call: Call) -> Empty:
        """Kill a job."""
        self._operations.do("stop_job", request, call)
        return Empty()

    def UpdateJobState(self, request: pps_pb2.UpdateJobStateRequest, call: Call) -> Empty:
        """Set a job's state from outside."""
        self._operations.do("update_job_state", request, call)
        return Empty()

    def DeleteJob(self, request: pps_pb2.DeleteJobRequest, call: Call) -> Empty:
        """Delete the record of a job."""
        with self._store.db.write() as tx:
            jobs.delete(tx, pps.to_job(request.job))
        return Empty()
