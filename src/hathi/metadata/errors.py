"""What the databases' errors mean: what can be tried again, what an operator must mend, and what is our mistake."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError, TimeoutError

from hathi.model.errors import HathiError, InternalError, UnavailableError

OVERLOADED = "the database is overloaded; try again"

_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_AWAY = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_NOMEM", "SQLITE_PROTOCOL")

_POSTGRES_BUSY = ("40", "53200", "53300", "53400", "55P03", "57014")
"""Beginnings of SQLSTATE: transactions that clash, and what the server has no room or no time for."""

_POSTGRES_AWAY = ("08", "28", "3D", "57P", "58", "25006")
"""Connections that break or are refused, servers that stop, disks that fail, a standby that takes no writes."""


def translate(error: Exception) -> HathiError:
    """Return the situation behind an error of the database, in one line.

    Returns UnavailableError where trying again may succeed without a change to Hathi, InternalError otherwise.
    """
    if isinstance(error, TimeoutError):  # of the connection pool
        return UnavailableError(OVERLOADED)
    if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
        return InternalError(f"the database refused: {error}")
    cause = error.orig if isinstance(error, DBAPIError) else error  # the driver's own, while it connects
    text = _first_line(cause)
    name = str(getattr(cause, "sqlite_errorname", "") or "")
    state = str(getattr(cause, "sqlstate", "") or "")
    if name == "SQLITE_FULL" or state == "53100":
        return UnavailableError("the disk of the database is full; make room, then try again")
    if name.startswith(_SQLITE_BUSY):
        return UnavailableError("another process holds the database; try again")
    if state.startswith(_POSTGRES_BUSY):
        return UnavailableError(OVERLOADED)
    lost = isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
    nameless = type(cause).__name__ == "OperationalError" and not name and not state
    if lost or nameless or name.startswith(_SQLITE_AWAY) or state.startswith(_POSTGRES_AWAY):
        return UnavailableError(f"the database does not answer: {text}")
    return InternalError(f"the database refused: {text}")


def _first_line(cause: BaseException | None) -> str:
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0].removeprefix("connection failed: ") if lines else type(cause).__name__
