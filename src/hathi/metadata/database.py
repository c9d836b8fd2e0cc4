"""The database: where names are kept, and the only place that survives a crash.

Rules: transactions are short and do no object I/O; a writing one is alone (SQLite: BEGIN IMMEDIATE behind a fair queue;
PostgreSQL: one advisory lock), so that what it has read stays true until it commits; a reading one sees one moment.
COMMIT returns when the change is on disk. Writers wait for their turn before they have a connection, and readers take
no more connections than leave some for writers, so that neither can keep the other from working.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from hathi.metadata import dialects, migrations
from hathi.metadata.errors import OVERLOADED, translate
from hathi.metadata.feed import Feed
from hathi.metadata.locks import FairLock
from hathi.metadata.notify import Notifier
from hathi.metadata.transaction import Transaction
from hathi.model.errors import InvalidError, UnavailableError
from hathi.model.ids import CommitSetId
from hathi.supervision import Supervisor

__all__ = ["Clock", "Database", "Transaction"]

Clock = Callable[[], datetime]

_BACKENDS = ("sqlite", "postgresql")


class Database:
    """A database that is open. Thread-safe; one for each process.

    feed: tells who waits that something changed.
    shared: what `Transaction.notes` starts with in every transaction; filled while the program is put together.
    fence: called when a writing transaction begins and before it commits; raises where it must not.
    """

    def __init__(self, engine: Engine, clock: Clock, supervisor: Supervisor) -> None:
        self.engine = engine
        self.feed = Feed()
        self.shared: dict[str, Any] = {}
        self.fence: Callable[[], None] = lambda: None
        self.clock = clock
        self.postgres = engine.dialect.name == "postgresql"
        places = dialects.POSTGRES_WRITERS if self.postgres else 1
        self._writers = FairLock(places, dialects.WRITER_WAIT_SECONDS)
        self._readers = threading.BoundedSemaphore(dialects.READERS)
        self._closed = False
        self._notifier = Notifier(engine, self.feed, supervisor) if self.postgres else None

    @classmethod
    def open(
        cls, url: str, *, durable: bool = True, clock: Clock | None = None, supervisor: Supervisor | None = None
    ) -> Database:
        """Open the database at `url` (`sqlite:///path` or `postgresql://…`), made or migrated as needed.

        durable: False gives up waiting for the disk (SQLite only): for tests.
        supervisor: makes the task that listens to other processes (PostgreSQL only).
        Raises InvalidError when no database can be meant, UnavailableError when it cannot be reached, InternalError
        when a newer Hathi has changed its tables.
        """
        engine = _engine(url)
        dialects.prepare(engine, durable=durable)
        database = cls(engine, clock or (lambda: datetime.now(UTC)), supervisor or Supervisor())
        try:
            with database.write() as tx:
                migrations.bring_up_to_date(tx.connection, tx.now)
            if database._notifier:
                database._notifier.start()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def write(self, commit_set: CommitSetId | None = None) -> Iterator[Transaction]:
        """Open a writing transaction; at the end of the block run its steps, COMMIT, and let its effects out.

        commit_set: id for the commits it makes, instead of a fresh one.
        An exception undoes everything. A thread must not open another one meanwhile (InternalError).
        """
        self.fence()
        with self._writers, self._connection(write=True) as connection:
            tx = Transaction(connection, self.clock(), commit_set=commit_set, shared=self.shared)
            yield tx
            tx.run_steps()
            topics, calls = tx.effects()
            if self._notifier and topics:
                self._notifier.announce(connection, topics)
            self.fence()
        self.feed.publish(*topics)
        for call in calls:
            call()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a reading transaction: everything read inside the block is of one moment."""
        if not self._readers.acquire(timeout=dialects.BUSY_SECONDS):
            raise UnavailableError(OVERLOADED)
        try:
            with self._connection(write=False) as connection:
                yield Transaction(connection, self.clock(), shared=self.shared)
        finally:
            self._readers.release()

    @property
    def name(self) -> str:
        """The URL as people may see it: without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    def at_once(self, statement: Executable, values: dict[str, Any]) -> bool:
        """Run one writing statement by itself, past the queue of writers; returns whether it returned a row.

        For heartbeats: nothing may depend on what else it sees.
        """
        if not self.postgres:  # SQLite lets one writer in, whoever it is
            with self._writers, self._connection(write=True) as connection:
                return connection.execute(statement, values).first() is not None
        with self._connection(write=None) as connection:
            return connection.execute(statement, values).first() is not None

    def close(self) -> None:
        """End every wait on the feed and close all connections; transactions that begin later are refused."""
        self._closed = True
        self.feed.close()
        if self._notifier:
            self._notifier.stop()
        self.engine.dispose()

    @contextmanager
    def _connection(self, *, write: bool | None) -> Iterator[Connection]:
        """write: whether the transaction writes; None means one statement that waits for no other writer."""
        if self._closed:
            raise UnavailableError("the database is closed: pachd is stopping")
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(hathi_write=write)
                with connection.begin():
                    yield connection
        except (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            raise translate(error) from error

    def __repr__(self) -> str:
        return f"Database({self.name}, {self.feed!r})"


def _engine(url: str) -> Engine:
    """Return what opens connections. No text here repeats the URL: it may hold a password."""
    try:
        place = make_url(url)
        if place.drivername == "postgresql":
            place = place.set(drivername="postgresql+psycopg")
        if place.get_backend_name() not in _BACKENDS:
            raise InvalidError(f"databases of kind {place.drivername} are not served, but {' and '.join(_BACKENDS)}")
        if place.get_backend_name() == "sqlite" and place.database:
            _make_folder(Path(place.database).parent)
        return create_engine(place, **dialects.engine_options(place))
    except (ArgumentError, ValueError):
        raise InvalidError("the database's URL must look like sqlite:///path or postgresql://user@host/name") from None
    except ModuleNotFoundError as error:
        raise UnavailableError(f"the database cannot be used: the Python package {error.name} is missing") from None


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"cannot make the folder of the database {path}: {error.strerror}") from None
