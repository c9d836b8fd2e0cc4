"""The catalogue of packs as garbage collection changes it: one transaction for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.metadata.tables.storage import holders, pack_indexes, packs
from hathi.metadata.transaction import Transaction
from hathi.model.packs import Catalogue, PackRecord, holder_of

_ROOTS = 1000
"""Roots that are read in one transaction."""

_CONDEMNED = select(packs).where(packs.c.condemned.is_not(None), packs.c.superseded.is_(False))


class DatabaseGarbage:
    """The `GarbageLedger` of this database."""

    def __init__(self, database: Database, ledger: DatabaseLedger) -> None:
        self._database = database
        self._ledger = ledger

    def catalogue(self, since: int = -1) -> Catalogue | None:
        """See `GarbageLedger`."""
        return self._ledger.catalogue(since)

    def begin(self) -> None:
        """See `GarbageLedger`."""
        with self._database.write() as tx:
            self._take_back(tx)
            self._ledger.begin_collection(tx)

    def give_up(self) -> None:
        """See `GarbageLedger`."""
        with self._database.write() as tx:
            self._take_back(tx)
            if self._ledger.collecting(tx) is not None:
                self._ledger.end_collection(tx)

    def condemn(self, names: Sequence[str]) -> None:
        """See `GarbageLedger`."""
        with self._database.write() as tx:
            self._ledger.condemn(tx, names)

    def waiting_for(self) -> int:
        """See `GarbageLedger`."""
        oldest = self._ledger.oldest_pin()
        with self._database.read() as tx:
            return sum(row.condemned > oldest for row in tx.connection.execute(_CONDEMNED))

    def named(self) -> Iterator[bytes]:
        """See `GarbageLedger`."""
        after = 0
        while True:
            with self._database.read() as tx:
                page = self._ledger.named_roots(tx, after, _ROOTS)
            for _, root in page:
                yield root.hash
            if len(page) < _ROOTS:
                return
            after, _ = page[-1]

    def spare(self, names: Sequence[str]) -> None:
        """See `GarbageLedger`."""
        with self._database.write() as tx:
            self._ledger.spare(tx, names)

    def droppable(self) -> list[PackRecord]:
        """See `GarbageLedger`."""
        names = set(self._ledger.droppable())
        with self._database.read() as tx:
            rows = tx.connection.execute(_CONDEMNED).all()
        return [PackRecord(row.name, row.size, row.chunks) for row in rows if row.name in names]

    def orphans(self, keys: Sequence[str]) -> list[str]:
        """See `GarbageLedger`."""
        with self._database.read() as tx:
            alive = set(tx.connection.execute(select(holders.c.id)).scalars())
            listed: set[str] = set()
            dropped: set[str] = set()
            for table in (packs, pack_indexes):
                for row in tx.connection.execute(select(table.c.name, table.c.gone).where(table.c.name.in_(keys))):
                    (dropped if row.gone else listed).add(row.name)
        return [key for key in keys if key not in listed and (key in dropped or holder_of(key) not in alive)]

    def end(self) -> None:
        """See `GarbageLedger`."""
        with self._database.write() as tx:
            self._ledger.end_collection(tx)

    def _take_back(self, tx: Transaction) -> None:
        if left := [row.name for row in tx.connection.execute(_CONDEMNED)]:
            self._ledger.spare(tx, left)
