from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import databases
import pytest

from hathi.metadata.database import Database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hathi.db"


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database.open(url, durable=False)
    yield database
    database.close()


@pytest.fixture
def open_database() -> Iterator[Callable[[str], Database]]:
    """Opens databases that are closed after the test."""
    opened: list[Database] = []

    def open_(url: str) -> Database:
        opened.append(Database.open(url, durable=False))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture
def postgres() -> str:
    """URL of a PostgreSQL database to use; the test is skipped where no server is named."""
    if not databases.server():
        pytest.skip("HATHI_TEST_POSTGRES names no PostgreSQL server; `make test-postgres` runs these where it does")
    return databases.server()
