"""Filling packs and sending them off.

The problem: chunks arrive at the speed of the processor and leave at that of the disk or the network, and what was put
must be readable meanwhile. The rule: one pack fills while at most one leaves, both readable from memory; so a writer
is slowed to the speed of the store, and memory is two packs. A pack that fails to leave spoils the rest: the error is
raised by every later call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

from hathi.model.packs import PackRecord
from hathi.storage.chunks.compression import restore
from hathi.storage.chunks.packs import OpenPack
from hathi.storage.chunks.tables import Location, Table
from hathi.storage.objects.interface import ObjectStore


class Packer:
    """The packs of one upload. Thread-safe."""

    def __init__(self, objects: ObjectStore, senders: Executor, pack_bytes: int, key: Callable[[], str]) -> None:
        """senders: threads that write packs. pack_bytes: when one is full. key: makes the key of a pack."""
        self._objects = objects
        self._senders = senders
        self._pack_bytes = pack_bytes
        self._key = key
        self._attempted: list[str] = []
        self._lock = threading.RLock()
        self._filling = OpenPack(key())
        self._leaving: tuple[OpenPack, Future[Table]] | None = None
        self._records: list[PackRecord] = []
        self._tables: list[Table] = []  # of the packs in _records
        self._holder: dict[bytes, int] = {}  # chunk id -> which of them holds it

    def __contains__(self, id: bytes) -> bool:
        """Needs no lock, so that threads which look up go on while the one that adds waits for the store.

        A chunk moves from pack to pack in the order asked here, and is in the next place before it leaves the last.
        """
        if id in self._filling:
            return True
        leaving = self._leaving
        return (leaving is not None and id in leaving[0]) or id in self._holder

    def add(self, id: bytes, stored: bytes, length: int) -> None:
        """Append a chunk of `length` bytes, kept as `stored`, unless it is here."""
        with self._lock:
            if id in self:
                return
            self._filling.add(id, stored, length)
            if self._filling.size >= self._pack_bytes:
                self._send()

    def held(self, id: bytes) -> bytes | None:
        """Return a chunk if it is still in memory."""
        with self._lock:
            for pack in (self._filling, self._leaving[0] if self._leaving else None):
                if pack is not None and id in pack:
                    stored, length = pack.stored(id)
                    return restore(stored, length)
        return None

    def written(self, id: bytes) -> Location | None:
        """Return where a chunk stands if its pack was written."""
        with self._lock:
            number = self._holder.get(id)
            return None if number is None else next(self._tables[number].find(id))

    def finish(self) -> list[PackRecord]:
        """Write what is left, here and now, and return every pack of the upload."""
        with self._lock:
            self._await_leaving()
            if len(self._filling):
                self._attempted.append(self._filling.name)
                try:
                    table = self._filling.write(self._objects)
                except BaseException:  # the pack stays, to be tried again; perhaps with more in it, so by another name
                    self._filling.name = self._key()
                    raise
                self._note(self._filling, table)
                self._filling = OpenPack(self._key())
            return list(self._records)

    def tables(self) -> list[Table]:
        """Return the tables of the packs written so far."""
        with self._lock:
            return list(self._tables)

    def attempted(self) -> list[str]:
        """Return the keys of all packs that may have been written, even if the store said that they were not."""
        with self._lock:
            return list(dict.fromkeys(self._attempted))

    def settle(self) -> None:
        """Wait until nothing is under way, whether it works or not."""
        with self._lock:
            if self._leaving is not None:
                self._leaving[1].exception()

    def __repr__(self) -> str:
        return f"Packer({len(self._records)} packs written, {len(self._filling)} chunks waiting)"

    def _send(self) -> None:
        self._await_leaving()
        pack = self._filling
        self._attempted.append(pack.name)
        self._leaving = pack, self._senders.submit(pack.write, self._objects)
        self._filling = OpenPack(self._key())

    def _await_leaving(self) -> None:
        if self._leaving is not None:
            pack, future = self._leaving
            self._note(pack, future.result())
            self._leaving = None

    def _note(self, pack: OpenPack, table: Table) -> None:
        self._holder.update(dict.fromkeys(pack.ids(), len(self._tables)))
        self._records.append(pack.record())
        self._tables.append(table)
