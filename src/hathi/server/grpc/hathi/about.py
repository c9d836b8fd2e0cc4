"""What this server is, and what the original's messages have no field for."""

from __future__ import annotations

from datetime import datetime

from hathi import __version__
from hathi.model.ids import CommitSetId
from hathi.model.references import DEFAULT_PROJECT, Job, Pipeline
from hathi.pipelines import jobs, listing
from hathi.pipelines.declared import resources_of
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.wire.gen import hathi_pb2

_NOTES = {
    "process": "the process runtime runs the command on this machine; the image is not used",
    "external": "the command runs where its workers were started; the image is not used",
}


class About:
    """Serves `hathi_v1.About`."""

    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._runtime = backend.runtime
        self._supervisor = backend.supervisor

    def Server(self, request: hathi_pb2.ServerRequest, call: Call) -> hathi_pb2.ServerResponse:
        """Tell which Hathi this is and whether workers can run."""
        return hathi_pb2.ServerResponse(
            version=__version__,
            runtime=self._runtime.name,
            runtime_problem=self._runtime.check(),
            engine=self._runtime.engine(),
        )

    def Pipeline(self, request: hathi_pb2.PipelineRequest, call: Call) -> hathi_pb2.PipelineResponse:
        """Tell where a pipeline runs and what its last update left alone."""
        pipeline = Pipeline(request.project or DEFAULT_PROJECT, request.pipeline)
        with self._store.db.read() as tx:
            info = listing.inspect(tx, pipeline)
        kept = listing.datums_kept(self._store, pipeline)
        return hathi_pb2.PipelineResponse(
            runtime=info.runtime,
            runtime_note=_NOTES.get(info.runtime, ""),
            datums_kept=kept,
            warnings=self._runtime.unenforced(resources_of(info.spec)),
        )

    def Job(self, request: hathi_pb2.JobRequest, call: Call) -> hathi_pb2.JobResponse:
        """Tell which images a job's datums ran in."""
        job = Job(Pipeline(request.project or DEFAULT_PROJECT, request.pipeline), CommitSetId(request.id))
        with self._store.db.read() as tx:
            return hathi_pb2.JobResponse(images=jobs.inspect(tx, job, details=False).images)

    def Failures(self, request: hathi_pb2.FailuresRequest, call: Call) -> hathi_pb2.FailuresResponse:
        """List what the server cannot do in the background for now."""
        response = hathi_pb2.FailuresResponse()
        for failure in self._supervisor.failures():
            if request.subject in ("", failure.subject):
                response.failures.add(
                    task=failure.task,
                    subject=failure.subject,
                    reason=failure.reason,
                    since_ns=_nanoseconds(failure.since),
                    times=failure.times,
                    retry_ns=_nanoseconds(failure.retry),
                )
        return response


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000) * 1000
