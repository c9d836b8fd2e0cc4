"""The doors that are Hathi's alone: `hathi_v1`."""

from __future__ import annotations

from hathi.server.grpc.hathi.about import About
from hathi.server.grpc.hathi.access import WorkerAccess
from hathi.server.grpc.hathi.files import Files
from hathi.server.grpc.hathi.storage import Storage
from hathi.server.grpc.hathi.workers import Workers

__all__ = ["About", "Files", "Storage", "WorkerAccess", "Workers"]
