"""What SQLite and PostgreSQL want to be told, so that the code above sees one behaviour.

SQLAlchemy asks us to begin each transaction; whether it writes stands in the connection's option `hathi_write`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

BUSY_SECONDS = 30
"""How long a transaction waits for another process (a backup, a shell) that holds the SQLite file."""

CONNECTIONS = 16
"""Connections kept open; more are opened and closed again when many threads want one at once."""

MOST_CONNECTIONS = 64
"""Connections open at the same time; transactions are short, so whoever is over the limit waits a moment."""

READERS = MOST_CONNECTIONS - 8
"""Reading transactions of one process at a time: there is always a connection left for its writers."""

POSTGRES_WRITERS = 2
"""Writing transactions of one process that have a connection: one at work, and one next in line at the server."""

WRITER_WAIT_SECONDS = 120.0
"""How long a writer waits for its turn before it is told that the database is overloaded."""

POSTGRES_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "tcp_user_timeout": 30_000,
}
"""How soon a server that vanished without a word is noticed: seconds, and milliseconds."""

WRITER_LOCK = 0x48617468
"""Key of PostgreSQL's advisory lock that a writing transaction holds."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None where `url` names another kind of database, or none."""
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return Path(place.database).absolute() if place.get_backend_name() == "sqlite" and place.database else None


def engine_options(url: URL) -> dict[str, Any]:
    """Return how SQLAlchemy is to make an engine for `url`."""
    pool = {"pool_size": CONNECTIONS, "max_overflow": MOST_CONNECTIONS - CONNECTIONS, "pool_timeout": BUSY_SECONDS}
    if url.get_backend_name() != "sqlite":
        return {**pool, "pool_pre_ping": True, "connect_args": POSTGRES_CONNECTION}
    return {**pool, "connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}


def prepare(engine: Engine, *, durable: bool) -> None:
    """Make `engine` open connections and begin transactions our way."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, durable)
    else:
        event.listen(engine, "begin", _begin_postgres)


def _prepare_sqlite(engine: Engine, durable: bool) -> None:
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # no transactions of the driver's own
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()

    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("hathi_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)


def _begin_postgres(connection: Connection) -> None:
    write = connection.get_execution_options().get("hathi_write")
    if write:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
    elif write is not None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
