"""A ledger of live packs in memory: for tests, and for whoever runs storage without a database."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from hathi.model.packs import Catalogue, IndexRecord, LeaseLapsed, PackRecord, PackState, Pins, Writer


class MemoryLedger:
    """A `PackLedger`, plus what the database does in the transaction that names a root: `register`."""

    def __init__(self) -> None:
        self.pins = Pins()
        self._holder = uuid4().hex
        self._version = 0
        self._packs: dict[str, tuple[int, PackState]] = {}  # with the version in which it changed last
        self._indexes: dict[str, tuple[int, IndexRecord]] = {}
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"MemoryLedger({len(self.packs())} packs, {len(self.indexes())} indexes, {self.pins})"

    def packs(self) -> list[PackState]:
        """Return the packs that are not gone."""
        with self._lock:
            return [state for _, state in self._packs.values() if not state.gone]

    def indexes(self) -> list[IndexRecord]:
        """Return the indexes that are not gone."""
        with self._lock:
            return [index for _, index in self._indexes.values() if not index.gone]

    def holder(self) -> str:
        """See `PackLedger`."""
        return self._holder

    def alive(self, holder: str) -> bool:
        """See `PackLedger`."""
        return holder == self._holder

    def take_for_dead(self) -> None:
        """Begin another life, as a process does that was out of touch for too long."""
        self._holder = uuid4().hex

    def catalogue(self, since: int = -1) -> Catalogue | None:
        """See `PackLedger`."""
        with self._lock:
            self.pins.heard(self._version)
            if since == self._version:
                return None
            packs = tuple(s for at, s in self._packs.values() if (at > since if since >= 0 else not s.gone))
            indexes = tuple(i for at, i in self._indexes.values() if (at > since if since >= 0 else not i.gone))
            return Catalogue(self._version, packs, indexes, since)

    def register(self, writer: Writer, packs: Iterable[PackRecord]) -> None:
        """Make packs live, as the naming transaction does. Raises `LeaseLapsed`; repeating it changes nothing."""
        with self._lock:
            if not self.alive(writer.holder):
                raise LeaseLapsed(writer.holder)
            packs = list(packs)
            self._version += 1
            for pack in packs:
                self._packs.setdefault(pack.name, (self._version, PackState(pack.name, pack.size, pack.chunks)))
        writer.named(packs)

    def unregistered(self, names: Sequence[str]) -> list[str]:
        """See `PackLedger`."""
        return [name for name in names if name not in self._packs]

    def merged(self, index: IndexRecord, replaces: Sequence[str]) -> None:
        """See `PackLedger`."""
        with self._lock:
            self._version += 1
            for name in replaces:
                self._indexes[name] = self._version, replace(self._indexes[name][1], gone=True)
            self._indexes[index.name] = self._version, index

    def rewritten(self, writer: Writer, packs: Sequence[PackRecord], sources: Sequence[str], superseded: bool) -> bool:
        """See `PackLedger`."""
        with self._lock:
            states = [self._packs[name][1] for name in sources if name in self._packs]
            usable = [one for one in states if not one.gone and not (superseded and one.condemned is not None)]
            if len(usable) < len(sources):
                return False
            self.register(writer, packs)
            self.condemn(sources, superseded=superseded)
        return True

    def condemn(self, names: Iterable[str], *, superseded: bool = False) -> int:
        """Mark packs as about to be deleted, the first step of collection; returns the version that says so."""
        with self._lock:
            self._version += 1
            for name in names:
                state = self._packs[name][1]
                if state.condemned is None:
                    changed = replace(state, condemned=self._version, superseded=superseded)
                    self._packs[name] = self._version, changed
            return self._version

    def spare(self, names: Iterable[str]) -> None:
        """Take back that packs are condemned."""
        with self._lock:
            self._version += 1
            for name in names:
                changed = replace(self._packs[name][1], condemned=None, superseded=False)
                self._packs[name] = self._version, changed

    def superseded(self) -> list[str]:
        """See `PackLedger`."""
        return [state.name for state in self.packs() if state.superseded]

    def droppable(self) -> list[str]:
        """Return packs that are condemned without being superseded, and that no pin can rely on."""
        held = self.pins.held()
        oldest = self._version if held is None else held
        condemned = [one for one in self.packs() if one.condemned is not None and not one.superseded]
        return [one.name for one in condemned if one.condemned is not None and one.condemned <= oldest]

    def drop(self, names: Iterable[str]) -> list[str]:
        """See `PackLedger`."""
        with self._lock:
            dropped = [name for name in names if self._packs[name][1].condemned is not None]
            self._version += 1
            for name in dropped:
                self._packs[name] = self._version, replace(self._packs[name][1], condemned=None, gone=True)
        return dropped
