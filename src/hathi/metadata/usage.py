"""What is stored and how much of it is likely to be garbage: figures that cost little to keep and to read."""

from __future__ import annotations

from sqlalchemy import func, insert, select, update

from hathi.metadata.tables.pfs import commits
from hathi.metadata.tables.storage import catalogue, packs, storage_usage
from hathi.metadata.transaction import Transaction
from hathi.model.packs import Usage

_STORED = select(func.sum(packs.c.size)).where(packs.c.gone.is_(False))
_VERSION = select(catalogue.c.version)


def deleted(tx: Transaction, size: int) -> None:
    """Note that about so many bytes of files were deleted.

    A repo counts as its largest commit: its commits have most of their content in common.
    """
    _keep(tx, deleted=storage_usage.c.deleted + size)


def measured(tx: Transaction, unused: int) -> None:
    """Note that garbage was collected or looked for just now. unused: bytes that a collection would free now."""
    logical = tx.connection.execute(select(func.sum(commits.c.size))).scalar() or 0
    version = tx.connection.execute(_VERSION).scalar_one()
    _keep(tx, measured=tx.now, version=version, logical=logical, unused=unused, deleted=0)


def read(tx: Transaction) -> Usage:
    """Return the figures. Reads one small row and the sizes of all packs, of which there is one for each 16 MiB."""
    stored = int(tx.connection.execute(_STORED).scalar() or 0)
    row = tx.connection.execute(select(storage_usage)).first()
    if row is None:
        return Usage(stored, changed=stored > 0)
    changed = row.deleted > 0 or tx.connection.execute(_VERSION).scalar_one() != row.version
    return Usage(stored, row.logical, min(stored, row.unused + row.deleted), changed, row.measured)


def _keep(tx: Transaction, **values: object) -> None:
    if tx.connection.execute(update(storage_usage).values(**values)).rowcount == 0:
        tx.connection.execute(insert(storage_usage).values(id=1))
        tx.connection.execute(update(storage_usage).values(**values))
