"""A ledger of live packs and leases in memory: for tests, and for whoever runs storage without a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from hathi.model.packs import Catalogue, IndexRecord, Lease, LeaseLapsed, PackRecord


class MemoryLedger:
    """A `PackLedger`, plus what the database does in the transaction that names a root: `register`."""

    def __init__(self, *, lease_seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._leases: dict[str, float] = {}  # id -> when it lapses
        self._catalogue = Catalogue(0, (), ())
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        live = self._catalogue
        return f"MemoryLedger({len(live.packs)} packs, {len(live.indexes)} indexes, {len(self._leases)} leases)"

    @property
    def leases(self) -> frozenset[str]:
        """The leases that live now."""
        with self._lock:
            return frozenset(id for id in self._leases if self._alive(id))

    def catalogue(self, newer_than: int = -1) -> Catalogue | None:
        """See `PackLedger`."""
        with self._lock:
            return self._catalogue if self._catalogue.version > newer_than else None

    def open_lease(self) -> Lease:
        """See `PackLedger`."""
        lease = Lease(uuid4().hex, self._lease_seconds)
        with self._lock:
            self._leases[lease.id] = self._clock() + lease.seconds
        return lease

    def renew_lease(self, id: str) -> bool:
        """See `PackLedger`."""
        with self._lock:
            if not self._alive(id):
                return False
            self._leases[id] = self._clock() + self._lease_seconds
            return True

    def end_lease(self, id: str) -> None:
        """See `PackLedger`."""
        with self._lock:
            self._leases.pop(id, None)

    def register(self, lease_id: str, packs: Iterable[PackRecord]) -> None:
        """Make packs live, as the naming transaction does. Raises `LeaseLapsed`; repeating it changes nothing."""
        with self._lock:
            if not self._alive(lease_id):
                raise LeaseLapsed(lease_id)
            known = {pack.name for pack in self._catalogue.packs}
            self._change(packs=self._catalogue.packs + tuple(pack for pack in packs if pack.name not in known))

    def merged(self, index: IndexRecord, replaces: Sequence[str]) -> None:
        """See `PackLedger`."""
        with self._lock:
            kept = tuple(old for old in self._catalogue.indexes if old.name not in replaces)
            self._change(indexes=(*kept, index))

    def condemn(self, names: Iterable[str]) -> None:
        """Mark packs as about to be deleted, the first step of collection."""
        with self._lock:
            self._change(condemned=self._catalogue.condemned | frozenset(names))

    def forget(self, names: Iterable[str]) -> None:
        """Take packs out of the catalogue, the last step of collection before their objects go."""
        gone = frozenset(names)
        with self._lock:
            packs = tuple(pack for pack in self._catalogue.packs if pack.name not in gone)
            self._change(packs=packs, condemned=self._catalogue.condemned - gone)

    def _alive(self, id: str) -> bool:
        return self._leases.get(id, float("-inf")) > self._clock()

    def _change(
        self,
        *,
        packs: tuple[PackRecord, ...] | None = None,
        indexes: tuple[IndexRecord, ...] | None = None,
        condemned: frozenset[str] | None = None,
    ) -> None:
        old = self._catalogue
        self._catalogue = replace(
            old,
            version=old.version + 1,
            packs=old.packs if packs is None else packs,
            indexes=old.indexes if indexes is None else indexes,
            condemned=old.condemned if condemned is None else condemned,
        )
