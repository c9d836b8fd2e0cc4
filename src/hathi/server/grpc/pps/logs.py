"""Logs over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hathi.model.errors import InvalidError
from hathi.model.references import Pipeline
from hathi.pipelines import jobs, listing
from hathi.pipelines.log_inputs import LogInputs
from hathi.pipelines.logs import LogFilter
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.wire.convert import pps
from hathi.wire.convert.common import to_seconds
from hathi.wire.gen import pps_pb2

DEFAULT_SINCE = 24 * 3600.0
"""How far back logs are told when the client does not say, in seconds."""


class LogLines:
    """Logs."""

    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._logs = backend.logs

    def GetLogs(self, request: pps_pb2.GetLogsRequest, call: Call) -> Iterator[pps_pb2.LogMessage]:
        """Tell lines of a pipeline's log, and with `follow` each new one until the client leaves."""
        inputs = LogInputs(self._store)
        filters = tuple(request.data_filters)
        among = (lambda line: inputs.reads(line, filters)) if filters else None
        wanted = LogFilter(
            pipeline=self._pipeline(request),
            job=request.job.id or request.datum.job.id,
            datum=request.datum.id,
            among=among,
            since=datetime.now(UTC) - timedelta(seconds=to_seconds(request.since) or DEFAULT_SINCE),
            tail=request.tail,
            master=request.master,
        )
        if not request.follow:
            for line in self._logs.get(wanted):
                yield pps.log_message(line, inputs.shown(line))
            return
        with call.waiting():
            for line in self._logs.follow(wanted, call.cancelled, call.on_leave):
                yield pps.log_message(line, inputs.shown(line))

    def _pipeline(self, request: pps_pb2.GetLogsRequest) -> Pipeline | None:
        """Return whose lines are wanted, None for the server's own; NotFoundError when there is no such thing."""
        with self._store.db.read() as tx:
            for job in (request.job, request.datum.job):
                if job.id:
                    return jobs.inspect(tx, pps.to_job(job), details=False).job.pipeline
            if not request.pipeline.name and request.datum.id:
                raise InvalidError("a datum's logs must be asked for with its job or its pipeline")
            if not request.pipeline.name:
                return None
            return listing.inspect(tx, pps.to_pipeline(request.pipeline), details=False).pipeline
