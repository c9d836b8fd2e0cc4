"""Which server a command talks to, and what to say when nobody is there.

The address is `PACHD_ADDRESS`, else that of the context, else the port that a running `port-forward` recorded there,
else `localhost:30650`. A context that remembers its cluster is checked against the server before the first call.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty

from hathi.cli.config import Context
from hathi.cli.errors import CliError
from hathi.model.errors import HathiError, UnavailableError, UnimplementedError
from hathi.wire.client import Client
from hathi.wire.gen import admin_pb2, hathi_pb2

DEFAULT_ADDRESS = "grpc://localhost:30650"
_NOBODY = ("failed to connect", "errors resolving", "DNS resolution failed", "Socket closed", "name resolution")
_LATE = "Deadline Exceeded"
_STOPPED = ("Cancelling all calls", "the server is stopping")


def resolve(env: Mapping[str, str], context: Context) -> tuple[str, str]:
    """Return the server's address and where it was found, for messages."""
    if given := env.get("PACHD_ADDRESS"):
        return given, "PACHD_ADDRESS"
    if stored := context.get("pachd_address"):
        return stored, f'the context "{context.name}"'
    if context.forwarded_port:
        return f"grpc://localhost:{context.forwarded_port}", f'the port forwarder of the context "{context.name}"'
    return DEFAULT_ADDRESS, "the default"


def certificates(env: Mapping[str, str], context: Context) -> bytes | None:
    """Return the PEM to trust instead of the system's, or None."""
    if env.get("PACHD_ADDRESS"):
        path = env.get("PACH_CA_CERTS")
        try:
            return Path(path).read_bytes() if path else None
        except OSError as error:
            raise CliError(f"cannot read PACH_CA_CERTS {path}: {error.strerror}") from error
    try:
        return base64.b64decode(context.get("server_cas"), validate=True) or None
    except ValueError as error:
        raise CliError(f'the server_cas of context "{context.name}" are not base64') from error


class Server(Client):
    """A client that knows where its address came from and gives every call the deadline of `--rpc-timeout`."""

    def __init__(self, address: str, origin: str, *, timeout: float = 0.0, **rest: Any) -> None:
        super().__init__(address, **rest)
        self.address = address
        self.origin = origin
        if timeout:
            self._channel = Deadline(self._channel, timeout)

    @cached_property
    def is_hathi(self) -> bool:
        """Whether it knows Hathi's own calls; otherwise it is the original."""
        try:
            self.about.Server(hathi_pb2.ServerRequest())
        except UnimplementedError:
            return False
        return True

    def hello(self) -> None:
        """Return when somebody answers; raises UnavailableError."""
        self.version.GetVersion(Empty())

    def explain(self, error: HathiError) -> str:
        """Return an error's text; when nobody listens, say which address was tried and what to do."""
        if isinstance(error, UnavailableError) and str(error) == _LATE:
            return f"pachd at {self.address} (from {self.origin}) did not answer in time"
        if isinstance(error, UnavailableError) and str(error) in _STOPPED:
            return f"pachd at {self.address} (from {self.origin}) was stopped before it had answered"
        if not isinstance(error, UnavailableError) or not any(sign in str(error) for sign in _NOBODY):
            return str(error)
        return (
            f"cannot connect to pachd at {self.address} (from {self.origin}): {_reason(str(error))}. "
            "Start one with 'pachd', or name another with PACHD_ADDRESS=HOST:PORT or 'pachctl connect ADDRESS'."
        )


def _reason(text: str) -> str:
    """Return the useful end of what gRPC says of a failed connection."""
    for known in ("Connection refused", "Connection reset", "No such file or directory", "Network is unreachable"):
        if known in text:
            return known.lower()
    if any(sign in text for sign in ("DNS", "resolution", "errors resolving")):
        return "the host name is unknown"
    if "handshake failed" in text:
        return "no TLS could be agreed on (a server without TLS is named grpc://HOST:PORT)"
    if "HTTP/2" in text:
        return "what listens there is no pachd, or one that wants TLS (grpcs://HOST:PORT)"
    return text.rsplit(": ", 1)[-1].strip() or "no answer"


class Deadline:
    """A channel whose calls get a deadline unless they bring one."""

    def __init__(self, channel: Any, seconds: float) -> None:
        self._channel = channel
        self._seconds = seconds

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        make = getattr(self._channel, kind)

        def prepare(method: str, *codec: Any, **options: Any) -> Callable[..., Any]:
            call = make(method, *codec, **options)

            def ask(request: Any | Iterable[Any], timeout: float | None = None) -> Any:
                return call(request, timeout=self._seconds if timeout is None else timeout)

            return ask

        return prepare


def open_server(env: Mapping[str, str], context: Context, timeout: float) -> Server:
    """Return the server that a command talks to. timeout: seconds that each call may take; 0 for no limit.

    Raises CliError when the certificates cannot be read, or the context belongs to another cluster.
    """
    address, origin = resolve(env, context)
    for field in ("session_token", "active_transaction"):
        if not _is_header(context.get(field)):
            raise CliError(f'the {field} of the context "{context.name}" holds characters that none can hold')
    server = Server(
        address,
        origin,
        timeout=timeout,
        token=context.get("session_token"),
        root_certificates=certificates(env, context),
    )
    remembered = context.get("cluster_deployment_id")
    if remembered and not env.get("PACHD_ADDRESS"):
        _check_cluster(server, context, remembered)
    return server


def _is_header(text: str) -> bool:
    """Return whether a text can be sent in the header of a call."""
    return text.isascii() and (text.isprintable() or not text)


def _check_cluster(server: Server, context: Context, remembered: str) -> None:
    try:
        found = server.admin.InspectCluster(admin_pb2.InspectClusterRequest()).deployment_id
    except HathiError as error:
        raise CliError(server.explain(error)) from error
    if found and found != remembered:
        raise CliError(
            f'the context "{context.name}" belongs to cluster {remembered}, but {server.address} is cluster {found}; '
            "if that is right: pachctl config update context --remove-cluster-deployment-id"
        )
