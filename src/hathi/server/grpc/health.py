"""gRPC's health protocol: SERVING from the first call until the server begins to stop."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator

from hathi.model.errors import NotFoundError
from hathi.server.grpc.calls import Call
from hathi.wire.gen import health_pb2

_Status = health_pb2.HealthCheckResponse


class Health:
    """Serves `grpc.health.v1.Health`. services: full names of those that are asked for by name."""

    def __init__(self, services: Collection[str]) -> None:
        self._services = {"", *services}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Say NOT_SERVING from now on."""
        self._stopping.set()

    def Check(self, request: health_pb2.HealthCheckRequest, call: Call) -> health_pb2.HealthCheckResponse:
        """Tell the status; NotFoundError for an unknown service."""
        if request.service not in self._services:
            raise NotFoundError(f"unknown service {request.service}")
        return self._status()

    def Watch(self, request: health_pb2.HealthCheckRequest, call: Call) -> Iterator[health_pb2.HealthCheckResponse]:
        """Tell the status, and when it changes."""
        if request.service not in self._services:
            yield _Status(status=_Status.SERVICE_UNKNOWN)
        with call.waiting():
            left = threading.Event()
            call.on_leave(left.set)
            yield self._status()
            left.wait()
            if self._stopping.is_set():
                yield self._status()

    def _status(self) -> health_pb2.HealthCheckResponse:
        return _Status(status=_Status.NOT_SERVING if self._stopping.is_set() else _Status.SERVING)
