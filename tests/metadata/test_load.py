"""Many readers and writers at a time: writers hold no connection while they wait, and overload is told as such."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import database_url
from sqlalchemy import text

from hathi.metadata import dialects
from hathi.metadata.database import Database
from hathi.model.errors import UnavailableError


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(database_url(tmp_path / "hathi.db"), durable=False)
    yield database
    database.close()


@pytest.fixture
def other(db: Database, tmp_path: Path) -> Iterator[Database]:
    """Another process's view of the same database."""
    database = Database.open(database_url(tmp_path / "hathi.db", fresh=False), durable=False)
    yield database
    database.close()


def write_in_threads(db: Database, count: int) -> list[threading.Thread]:
    """Begin so many writing transactions, each in a thread of its own; returns once all wait but those let in."""

    def write() -> None:
        with db.write():
            pass

    threads = [threading.Thread(target=write) for _ in range(count)]
    for thread in threads:
        thread.start()
    places = dialects.POSTGRES_WRITERS if db.postgres else 1
    while db._writers.waiting < count - places:
        pass
    return threads


def test_a_hundred_waiting_writers_hold_no_connections_and_readers_go_on(db: Database, other: Database) -> None:
    with other.write():
        threads = write_in_threads(db, 100)
        for _ in range(10):
            with db.read() as tx:
                assert tx.connection.execute(text("SELECT 1")).scalar() == 1
        assert db.engine.pool.checkedout() <= 2  # type: ignore[attr-defined]
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_hundred_readers_leave_a_connection_for_a_writer(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "BUSY_SECONDS", 0.001)
    leave, told = threading.Event(), threading.Semaphore(0)
    overloaded: list[str] = []

    def read() -> None:
        try:
            with db.read() as tx:
                tx.connection.execute(text("SELECT 1"))
                told.release()
                leave.wait(60)
        except UnavailableError as error:
            overloaded.append(str(error))
            told.release()

    threads = [threading.Thread(target=read) for _ in range(100)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert told.acquire(timeout=60)
    with db.write() as tx:
        tx.connection.execute(text("SELECT 1"))
    leave.set()
    for thread in threads:
        thread.join(60)
    assert overloaded == ["the database is overloaded; try again"] * (100 - dialects.READERS)


def test_an_empty_pool_is_overload_and_no_internal_error(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = db.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.001)
    monkeypatch.setattr(pool, "_max_overflow", 0)
    held = [db.engine.connect() for _ in range(dialects.CONNECTIONS)]
    try:
        with pytest.raises(UnavailableError, match="is overloaded"), db.read():
            pass
    finally:
        for connection in held:
            connection.close()


def test_a_closed_database_begins_no_transaction(tmp_path: Path) -> None:
    database = Database.open(database_url(tmp_path / "hathi.db"), durable=False)
    database.close()
    with pytest.raises(UnavailableError, match="closed"), database.read():
        pass
