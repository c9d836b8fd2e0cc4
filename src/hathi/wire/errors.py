"""Errors on the wire: one table, read both ways.

A server sends the status and the text of a `HathiError`; a client makes the same situation of them again, with the
same text, so that code above the wire handles errors alike wherever they arose.
"""

from __future__ import annotations

import grpc

from hathi.model.errors import (
    ConflictError,
    ExhaustedError,
    ExistsError,
    HathiError,
    InternalError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    Status,
    UnavailableError,
    UnimplementedError,
)


class UnauthenticatedError(HathiError):
    """The server does not know who asks."""

    status = Status.UNAUTHENTICATED


class DeniedError(HathiError):
    """The server knows who asks, and refuses."""

    status = Status.DENIED


SITUATIONS: dict[Status, type[HathiError]] = {
    kind.status: kind
    for kind in (
        InvalidError,
        NotFoundError,
        ExistsError,
        PreconditionError,
        ConflictError,
        DeniedError,
        UnauthenticatedError,
        ExhaustedError,
        UnavailableError,
        UnimplementedError,
        InternalError,
        HathiError,
    )
}
"""The situation that stands for each status."""

_NEAREST = {
    "CANCELLED": Status.UNAVAILABLE,
    "DEADLINE_EXCEEDED": Status.UNAVAILABLE,
    "OUT_OF_RANGE": Status.INVALID,
    "DATA_LOSS": Status.INTERNAL,
}
"""Statuses that we never send, but that gRPC (of a server that stops, say), a proxy or another server may."""


def to_code(error: HathiError) -> grpc.StatusCode:
    """Return the gRPC status code that stands for an error."""
    return grpc.StatusCode[error.status.value]


def from_status(code: grpc.StatusCode, text: str) -> HathiError:
    """Return the situation that a status and its text describe."""
    try:
        status = Status(code.name)
    except ValueError:
        status = _NEAREST.get(code.name, Status.UNKNOWN)
    return SITUATIONS[status](text or code.name.lower().replace("_", " "))


def from_rpc(error: grpc.RpcError) -> HathiError:
    """Return the situation behind an error that a gRPC call raised."""
    return from_status(error.code(), error.details() or "")
