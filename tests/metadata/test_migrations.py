"""Migrations: whichever way a database came to be, it has the declared tables and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from hathi.metadata import migrations
from hathi.metadata.database import Database
from hathi.metadata.tables import metadata
from hathi.model.errors import InternalError


def schema(path: Path) -> list[tuple[str, str]]:
    with create_engine(f"sqlite:///{path}").connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'").all()
    return sorted((name, sql or "") for name, sql in rows if not name.startswith("sqlite_"))


def test_a_fresh_database_and_a_migrated_one_are_the_same(
    tmp_path: Path, open_database: Callable[[str], Database]
) -> None:
    open_database(f"sqlite:///{tmp_path}/fresh.db")
    with create_engine(f"sqlite:///{tmp_path}/migrated.db").begin() as connection:
        migrations.migrate(connection)
    assert schema(tmp_path / "fresh.db") == schema(tmp_path / "migrated.db")


def test_migrations_produce_exactly_the_declared_tables(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/migrated.db").begin() as connection:
        migrations.migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.SCRIPTS))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_a_database_from_the_future_is_refused(url: str, open_database: Callable[[str], Database]) -> None:
    with open_database(url).write() as tx:
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InternalError, match="another version of Hathi"):
        open_database(url)
