"""The door of pipelines: `pps_v2.API`, one module for each kind of thing."""

from __future__ import annotations

from hathi.server.grpc.backend import Backend
from hathi.server.grpc.operations import Operation, Operations
from hathi.server.grpc.pps import datums, jobs, logs, pipelines


def operations(backend: Backend) -> dict[str, Operation]:
    """Return the changes that transactions may hold."""
    return pipelines.operations(backend.runtime.name) | jobs.OPERATIONS


def doors(backend: Backend, operations: Operations) -> list[object]:
    """Return the objects that serve the methods."""
    return [
        pipelines.Pipelines(backend, operations),
        jobs.Jobs(backend.store, operations),
        datums.Datums(backend.store),
        logs.LogLines(backend),
    ]
