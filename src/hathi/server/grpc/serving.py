"""The gRPC server: all services on one port.

The core is synchronous, so a call holds a thread, of the pool of its class; see `admission`. Clients of the original
ping every twenty seconds even with no call open, which gRPC takes for abuse unless told otherwise.
"""

from __future__ import annotations

import errno
import logging
import resource
import socket
import time
from typing import Any

import grpc

from hathi.model.errors import UnavailableError
from hathi.server.grpc import admin, auth, hathi, pfs, pps, transaction, version
from hathi.server.grpc.admission import Admission
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.handlers import EverythingElse, service_handler
from hathi.server.grpc.health import Health
from hathi.server.grpc.operations import Operations
from hathi.server.grpc.threads import ClassThreads
from hathi.wire.client import MESSAGE_BYTES
from hathi.wire.gen import (
    admin_pb2,
    auth_pb2,
    hathi_pb2,
    health_pb2,
    pfs_pb2,
    pps_pb2,
    transaction_pb2,
    version_pb2,
)

_log = logging.getLogger("hathi.server.grpc")

CONNECTIONS = 4096
"""Connections at a time, or half the files that the process may open; more are closed as soon as they are made."""

STREAMS = 1024
"""Calls open at a time on one connection, more than all classes give it together; more wait in the client."""

_PING_MS, _PING_TIMEOUT_MS = 60_000, 20_000
"""How soon a client that died without a word is noticed."""

_IDLE_MS = 900_000
"""A connection without a call is closed after so long; clients make another when they need it."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", _PING_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.max_concurrent_streams", STREAMS),
    ("grpc.max_connection_idle_ms", _IDLE_MS),
)


class GrpcServer:
    """Serves a backend from `start` to `stop`."""

    def __init__(self, backend: Backend, host: str, port: int, admission: Admission | None = None) -> None:
        """port: 0 picks a free one. admission: with limits other than the usual ones."""
        self._host = host
        self._port = port
        self._admission = admission or Admission()
        operations = Operations(backend.store, pfs.operations() | pps.operations(backend))
        services: list[tuple[Any, list[object], str]] = [
            (pfs_pb2.DESCRIPTOR.services_by_name["API"], pfs.doors(backend, operations), ""),
            (pps_pb2.DESCRIPTOR.services_by_name["API"], pps.doors(backend, operations), ""),
            (transaction_pb2.DESCRIPTOR.services_by_name["API"], [transaction.Transactions(backend, operations)], ""),
            (version_pb2.DESCRIPTOR.services_by_name["API"], [version.Version()], ""),
            (admin_pb2.DESCRIPTOR.services_by_name["API"], [admin.Admin(backend)], ""),
            (auth_pb2.DESCRIPTOR.services_by_name["API"], [], auth.NOT_ACTIVATED),
            (hathi_pb2.DESCRIPTOR.services_by_name["Files"], [hathi.Files(backend)], ""),
            (hathi_pb2.DESCRIPTOR.services_by_name["Workers"], [hathi.Workers(backend)], ""),
            (hathi_pb2.DESCRIPTOR.services_by_name["About"], [hathi.About(backend)], ""),
            (hathi_pb2.DESCRIPTOR.services_by_name["Storage"], [hathi.Storage(backend)], ""),
        ]
        self._health = Health([service.full_name for service, _, _ in services])
        services.append((health_pb2.DESCRIPTOR.services_by_name["Health"], [self._health], ""))
        guards = {"hathi_v1.Workers": hathi.WorkerAccess(backend.store, backend.tokens)}
        handlers = [
            service_handler(service, doors, self._admission, text, guards.get(service.full_name))
            for service, doors, text in services
        ]
        self._refusals = ClassThreads(8, "grpc-refusals")  # all other methods have their class's
        everything_else = EverythingElse(auth.REFUSED, auth.EMPTY)
        self._server: Any = grpc.server(self._refusals, handlers=[*handlers, everything_else], options=_options())

    def start(self) -> str:
        """Begin to serve; returns `host:port`. UnavailableError when the port cannot be had."""
        _try_port(self._host, self._port)
        host = f"[{self._host}]" if ":" in self._host else self._host
        try:
            port = self._server.add_insecure_port(f"{host}:{self._port}")
        except RuntimeError as error:
            raise UnavailableError(f"cannot listen on {host}:{self._port}: {error}") from None
        self._server.start()
        return f"{host}:{port}"

    def stop(self, grace: float = 5.0) -> None:
        """Take no more calls, end those that wait, give the others `grace` seconds, and return when all is quiet.

        A call that is still at work after twice that time is left behind, and said so: it may never return.
        """
        self._health.stop()
        stopped = self._server.stop(grace)
        self._admission.stop()
        deadline = time.monotonic() + 2 * grace + 1
        stopped.wait(2 * grace + 1)
        if left := self._admission.wait_for_quiet(deadline - time.monotonic()):
            _log.warning("the server stops while calls are at work: %s", left)
        self._admission.close()
        self._refusals.shutdown()


def _options() -> list[tuple[str, int]]:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = CONNECTIONS if files == resource.RLIM_INFINITY else min(CONNECTIONS, max(files // 2, 1))
    return [*_OPTIONS, ("grpc.max_allowed_incoming_connections", connections)]


def _try_port(host: str, port: int) -> None:
    """Raise UnavailableError with the reason when a port cannot be had: gRPC would keep the reason to its own log."""
    failures = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UnavailableError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    for family, kind, protocol, _, place in found:
        try:
            with socket.socket(family, kind, protocol) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(place)
        except OSError as error:
            failures.append(error)
    taken = [error for error in failures if error.errno == errno.EADDRINUSE]
    if taken or len(failures) == len(found):
        reason = "the port is in use; choose another with --port" if taken else failures[0].strerror
        raise UnavailableError(f"cannot listen on {host}:{port}: {reason}")
