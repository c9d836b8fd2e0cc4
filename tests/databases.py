"""Which database tests run on: SQLite files, or those of the PostgreSQL server that HATHI_TEST_POSTGRES names.

`make test-postgres` runs on a server what must hold on both.
"""

import os
from hashlib import md5
from pathlib import Path

from sqlalchemy import create_engine, make_url, text


def server() -> str:
    """URL of the PostgreSQL server, "" where none is named."""
    return os.environ.get("HATHI_TEST_POSTGRES", "")


def database_url(place: Path, fresh: bool = True) -> str:
    """URL of a database of its own for each place; an empty one if it is to be fresh."""
    if not server():
        return f"sqlite:///{place}"
    name = f"hathi_{md5(str(place).encode()).hexdigest()}"
    engine = create_engine(make_url(server()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    if fresh:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server()).set(database=name).render_as_string(hide_password=False)
