"""The client that pachctl and workers use: one channel, and the stubs of every service, made when first asked for.

Calls raise `HathiError` (see `wire.errors`). Threads may share a client.
"""

from __future__ import annotations

from functools import cached_property
from types import TracebackType
from typing import Any

import grpc

from hathi.wire.address import parse_address
from hathi.wire.channel import Channel, Metadata
from hathi.wire.gen import (
    admin_pb2,
    admin_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    hathi_pb2,
    hathi_pb2_grpc,
    pfs_pb2,
    pfs_pb2_grpc,
    pps_pb2,
    pps_pb2_grpc,
    transaction_pb2,
    transaction_pb2_grpc,
    version_pb2_grpc,
)
from hathi.wire.retries import service_config

MESSAGE_BYTES = 20 * 1024 * 1024
"""The largest message either side takes, as in the original."""

TOKEN_KEY = "authn-token"
TRANSACTION_KEY = "pach-transaction"

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    (
        "grpc.service_config",
        service_config(
            module.DESCRIPTOR for module in (admin_pb2, auth_pb2, hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2)
        ),
    ),
)


class Client:
    """A connection to a server. Nothing is sent before the first call.

    token, transaction: session token and active transaction, "" for none; both may be changed between calls.
    """

    def __init__(
        self, address: str, *, token: str = "", transaction: str = "", root_certificates: bytes | None = None
    ) -> None:
        """address: `[scheme://]host[:port]`. root_certificates: PEM to trust instead of the system's, with TLS."""
        self.token = token
        self.active_transaction = transaction
        where = parse_address(address)
        self._raw: Any
        if where.secure:
            trust = grpc.ssl_channel_credentials(root_certificates)
            self._raw = grpc.secure_channel(where.target, trust, _OPTIONS)
        else:
            self._raw = grpc.insecure_channel(where.target, _OPTIONS)
        self._channel: Any = Channel(self._raw, self._metadata)

    def _metadata(self) -> Metadata:
        pairs = ((TOKEN_KEY, self.token), (TRANSACTION_KEY, self.active_transaction))
        return [(key, value) for key, value in pairs if value]

    @cached_property
    def pfs(self) -> pfs_pb2_grpc.APIStub:
        """Repos, branches, commits, files."""
        return pfs_pb2_grpc.APIStub(self._channel)

    @cached_property
    def pps(self) -> pps_pb2_grpc.APIStub:
        """Pipelines, jobs, datums, logs."""
        return pps_pb2_grpc.APIStub(self._channel)

    @cached_property
    def transaction(self) -> transaction_pb2_grpc.APIStub:
        """Transactions."""
        return transaction_pb2_grpc.APIStub(self._channel)

    @cached_property
    def version(self) -> version_pb2_grpc.APIStub:
        """The server's version, in Pachyderm's numbering."""
        return version_pb2_grpc.APIStub(self._channel)

    @cached_property
    def admin(self) -> admin_pb2_grpc.APIStub:
        """The cluster."""
        return admin_pb2_grpc.APIStub(self._channel)

    @cached_property
    def auth(self) -> auth_pb2_grpc.APIStub:
        """Who may do what."""
        return auth_pb2_grpc.APIStub(self._channel)

    @cached_property
    def files(self) -> hathi_pb2_grpc.FilesStub:
        """Many files a message; Hathi only."""
        return hathi_pb2_grpc.FilesStub(self._channel)

    @cached_property
    def workers(self) -> hathi_pb2_grpc.WorkersStub:
        """What a worker asks; Hathi only."""
        return hathi_pb2_grpc.WorkersStub(self._channel)

    @cached_property
    def about(self) -> hathi_pb2_grpc.AboutStub:
        """What this server is; Hathi only."""
        return hathi_pb2_grpc.AboutStub(self._channel)

    @cached_property
    def storage(self) -> hathi_pb2_grpc.StorageStub:
        """The bytes at rest, and garbage collection; Hathi only."""
        return hathi_pb2_grpc.StorageStub(self._channel)

    def close(self) -> None:
        """End every call and the connection."""
        self._raw.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
