"""Errors as situations.

Whoever detects a problem raises the class that names the situation, with the facts as fields; the text shown to a
person is derived from them, and the status a client sees follows from the class (`wire.errors` holds that table).
Texts that clients of the original match on are part of the protocol and stand here, beside their class. Third-party
exceptions are translated into these at the border where they arise; anything else that escapes is a bug and is shown
as one.
"""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """What kind of failure a client sees; the values are gRPC's status names."""

    INVALID = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    EXISTS = "ALREADY_EXISTS"
    PRECONDITION = "FAILED_PRECONDITION"
    CONFLICT = "ABORTED"
    DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    UNKNOWN = "UNKNOWN"
    INTERNAL = "INTERNAL"


class HathiError(Exception):
    """Root of every error that Hathi raises on purpose. `str(error)` is the text for a person, in one line."""

    status: Status = Status.UNKNOWN

    @property
    def message(self) -> str:
        """The text for a person."""
        return str(self)


class InvalidError(HathiError):
    """The request itself is wrong: it will fail whatever the state of the system."""

    status = Status.INVALID


class NotFoundError(HathiError):
    """Something that the request names does not exist."""

    status = Status.NOT_FOUND


class ExistsError(HathiError):
    """Something that the request would make exists already."""

    status = Status.EXISTS


class PreconditionError(HathiError):
    """The request is well-formed, but the present state forbids it."""

    status = Status.PRECONDITION


class ConflictError(HathiError):
    """Somebody else changed the same thing first; trying again may succeed."""

    status = Status.CONFLICT


class ExhaustedError(HathiError):
    """A limit is reached; the text says which and what to do."""

    status = Status.EXHAUSTED


class UnavailableError(HathiError):
    """Something we depend on does not answer now; trying again later may succeed."""

    status = Status.UNAVAILABLE


class UnimplementedError(HathiError):
    """This call is part of the protocol but is not served here."""

    status = Status.UNIMPLEMENTED


class InternalError(HathiError):
    """A promise that Hathi makes to itself was broken."""

    status = Status.INTERNAL
