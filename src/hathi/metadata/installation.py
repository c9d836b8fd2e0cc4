"""Whose database this is, and which pachd works on it now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from hathi.metadata.tables.installation import installation as table
from hathi.metadata.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Owner:
    """A pachd, described so that another one can tell whether it still lives.

    id: drawn at each start.
    host: name of its machine.
    boot: drawn by the kernel when it started: equal on one machine between two starts of that, nowhere else.
    pid_space: of its process id; process ids are comparable within one only.
    pid, began: of its process; both together are never used twice.
    root: its root folder.
    folder: what the kernel knows that folder by.
    """

    id: str
    host: str
    boot: str
    pid_space: str
    pid: int
    began: int
    root: str
    folder: str

    def __str__(self) -> str:
        return f"pachd on {self.host} (process {self.pid}, root folder {self.root})"


@dataclass(frozen=True, slots=True)
class Installation:
    """The row.

    location: where the objects are, "" when they lie beside the database.
    owner: who works on it now, or has died without saying so; None after a clean stop.
    beat: number of the owner's last heartbeat.
    """

    cluster_id: str
    location: str
    owner: Owner | None
    beat: int


BEAT = (
    update(table)
    .where(table.c.id == 1, table.c.owner_id == bindparam("holder"))
    .values(beat=table.c.beat + 1)
    .returning(table.c.beat)
)
"""The statement of a heartbeat; it returns a row while the owner is still the owner."""


def find(tx: Transaction) -> Installation | None:
    """Return the row; None when no server has used this database yet."""
    row = tx.connection.execute(select(table)).first()
    if row is None:
        return None
    owner = None if row.owner_id is None else Owner(**row.owner)
    return Installation(row.cluster_id, row.location, owner, row.beat)


def create(tx: Transaction, cluster_id: str, location: str) -> None:
    """Make the row of a fresh database."""
    tx.connection.execute(insert(table).values(id=1, cluster_id=cluster_id, location=location, beat=0))


def move(tx: Transaction, location: str) -> None:
    """Note that the objects are elsewhere now."""
    _change(tx, location=location)


def take(tx: Transaction, owner: Owner) -> None:
    """Make `owner` the one who works on the database."""
    _change(tx, owner_id=owner.id, owner=asdict(owner), beat=table.c.beat + 1)


def release(tx: Transaction, owner: Owner) -> None:
    """Say that `owner` has stopped; nothing happens when another one has taken over."""
    statement = update(table).where(table.c.id == 1, table.c.owner_id == owner.id)
    tx.connection.execute(statement.values(owner_id=None, owner=None))


def _change(tx: Transaction, **values: Any) -> None:
    tx.connection.execute(update(table).where(table.c.id == 1).values(**values))
