"""From any older database to the present tables.

A fresh database is made from the declared tables at once, and one that is up to date costs a single statement; Alembic
is loaded only when there is something to migrate. A test holds both ways against each other.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text

from hathi.metadata.tables import metadata
from hathi.metadata.tables.pfs import projects
from hathi.metadata.tables.storage import catalogue
from hathi.model.errors import InternalError
from hathi.model.references import DEFAULT_PROJECT

HEAD = "0001"
"""The newest revision in `versions/`."""

SCRIPTS = Path(__file__).parent

_VERSION_TABLE = "alembic_version"


def bring_up_to_date(connection: Connection, now: datetime) -> None:
    """Make or migrate the tables. InternalError when the database was written by a newer Hathi."""
    revision = _revision(connection)
    if revision == HEAD:
        return
    if revision is None:
        metadata.create_all(connection)
        connection.execute(text(f"CREATE TABLE {_VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text(f"INSERT INTO {_VERSION_TABLE} VALUES (:head)"), {"head": HEAD})
    else:
        migrate(connection)
    _first_rows(connection, now)


def migrate(connection: Connection) -> None:
    """Run every migration that the database has not seen, from none at all if need be."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise InternalError(f"the database was written by another version of Hathi: {error}") from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()


def _first_rows(connection: Connection, now: datetime) -> None:
    if connection.execute(select(catalogue.c.id)).first() is None:
        connection.execute(insert(catalogue).values(id=1, version=0, purged=0))
    if connection.execute(select(projects.c.name).where(projects.c.name == DEFAULT_PROJECT)).first() is None:
        connection.execute(insert(projects).values(name=DEFAULT_PROJECT, description="", created=now))
