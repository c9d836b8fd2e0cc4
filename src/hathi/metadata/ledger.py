"""Which packs are live, as the database knows it: `PackLedger` for storage, and `register` for who names a root.

A lease of a writer in this process lives in memory: when the process dies, the writer is dead too, and what it had not
named is garbage. That spares a put a transaction of its own. A lease of a writer elsewhere (a worker) outlives us: it
is a row.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hathi.metadata.database import Database
from hathi.metadata.tables.storage import catalogue, leases, pack_indexes, packs
from hathi.metadata.transaction import Transaction
from hathi.model.packs import Catalogue, IndexRecord, Lease, LeaseLapsed, PackRecord

LEASE_SECONDS = 300.0
"""How long a lease lives after each renewal: long enough for a machine that is busy, short enough for garbage to go."""


_VERSION = "storage.catalogue"

_CATALOGUE = select(catalogue.c.id, catalogue.c.version, catalogue.c.purged, catalogue.c.indexed)
_PACKS_SINCE = select(packs).where(packs.c.since > bindparam("version"))
_NEXT_VERSION = update(catalogue).values(version=catalogue.c.version + 1).returning(catalogue.c.version)
_END_LEASE = delete(leases).where(leases.c.id == bindparam("the_lease"))
_ADD_PACKS = {
    "sqlite": sqlite.insert(packs).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(packs).on_conflict_do_nothing(),
}


class DatabaseLedger:
    """The `PackLedger` of this database. Thread-safe; one for each process."""

    def __init__(
        self, database: Database, *, seconds: float = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._mine: dict[str, float] = {}  # leases in memory: id -> when it lapses
        self._following = threading.Lock()
        self._known: Catalogue | None = None  # what was read last; only what changed since is read again

    def catalogue(self, newer_than: int = -1) -> Catalogue | None:
        """Return what is live, or None when nothing changed since version `newer_than`."""
        with self._following:
            known = self._known = self._catch_up(self._known)
        return known if known.version > newer_than else None

    def open_lease(self, *, durable: bool = False) -> Lease:
        """Record that a writer begins. durable: it is not in this process, so the lease must outlive us."""
        lease = Lease(uuid4().hex, self._seconds)
        if durable:
            with self._database.write() as tx:
                expires = tx.now + timedelta(seconds=self._seconds)
                tx.connection.execute(insert(leases).values(id=lease.id, expires=expires))
        else:
            with self._lock:
                self._mine[lease.id] = self._clock() + self._seconds
        return lease

    def renew_lease(self, id: str) -> bool:
        """Extend a lease; False when it has lapsed already."""
        if self._renew_mine(id):
            return True
        with self._database.write() as tx:
            expires = tx.now + timedelta(seconds=self._seconds)
            alive = update(leases).where(leases.c.id == id, leases.c.expires > tx.now).values(expires=expires)
            return tx.connection.execute(alive).rowcount == 1

    def end_lease(self, id: str) -> None:
        """Forget a lease; packs written under it that nothing names become garbage."""
        with self._lock:
            if self._mine.pop(id, None) is not None:
                return
        with self._database.write() as tx:
            self.release(tx, id)

    def merged(self, index: IndexRecord, replaces: Sequence[str]) -> None:
        """Record a merged index that covers its packs and replaces the older indexes named."""
        with self._database.write() as tx:
            tx.connection.execute(delete(pack_indexes).where(pack_indexes.c.name.in_([*replaces, index.name])))
            row = {"name": index.name, "size": index.size, "chunks": index.chunks, "packs": list(index.packs)}
            tx.connection.execute(insert(pack_indexes), row)
            tx.connection.execute(update(catalogue).values(indexed=_changed(tx)))

    def register(self, tx: Transaction, lease_id: str, records: Sequence[PackRecord]) -> None:
        """Make packs live, in the transaction that names what is in them. Raises LeaseLapsed; repeating changes
        nothing.
        """
        if not self._alive(tx, lease_id):
            raise LeaseLapsed(lease_id)
        if not records:
            return
        version = _changed(tx)
        rows = [{"name": pack.name, "size": pack.size, "chunks": pack.chunks, "since": version} for pack in records]
        tx.connection.execute(_ADD_PACKS[tx.connection.dialect.name], rows)

    def release(self, tx: Transaction, id: str) -> None:
        """Forget the lease of a writer elsewhere, in the transaction that names what it wrote."""
        tx.connection.execute(_END_LEASE, {"the_lease": id})

    def _catch_up(self, known: Catalogue | None) -> Catalogue:
        with self._database.read() as tx:
            _, version, purged, indexed = tx.connection.execute(_CATALOGUE).one()
            if known is not None and known.version == version:
                return known
            if known is None or purged > known.version:
                known = Catalogue(-1, (), ())
            changed = tx.connection.execute(_PACKS_SINCE, {"version": known.version}).all()
            if indexed <= known.version:
                names = [index.name for index in known.indexes]
            else:
                names = list(tx.connection.execute(select(pack_indexes.c.name)).scalars())
            indexes = {index.name: index for index in known.indexes if index.name in names}
            if new := [name for name in names if name not in indexes]:
                for row in tx.connection.execute(select(pack_indexes).where(pack_indexes.c.name.in_(new))):
                    indexes[row.name] = IndexRecord(row.name, row.size, row.chunks, tuple(row.packs))
        live = {pack.name: pack for pack in known.packs} if any(row.condemned for row in changed) else {}
        added = tuple(PackRecord(row.name, row.size, row.chunks) for row in changed if row.name not in live)
        condemned = known.condemned | {row.name for row in changed if row.condemned}
        return Catalogue(version, known.packs + added, tuple(indexes.values()), condemned)

    def _renew_mine(self, id: str) -> bool:
        with self._lock:
            if self._mine.get(id, float("-inf")) <= self._clock():
                return False
            self._mine[id] = self._clock() + self._seconds
            return True

    def _alive(self, tx: Transaction, id: str) -> bool:
        with self._lock:
            expires = self._mine.get(id)
        if expires is not None:
            return expires > self._clock()
        alive = select(leases.c.id).where(leases.c.id == id, leases.c.expires > tx.now)
        return tx.connection.execute(alive).first() is not None


def _changed(tx: Transaction) -> int:
    """Return the version of the catalogue that this transaction makes."""
    if _VERSION not in tx.notes:
        tx.notes[_VERSION] = tx.connection.execute(_NEXT_VERSION).scalar_one()
    return int(tx.notes[_VERSION])
