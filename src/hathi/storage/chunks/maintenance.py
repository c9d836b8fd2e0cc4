"""The chunk store of the server's process, which alone merges packs, rewrites and drops them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from hathi.model.errors import HathiError
from hathi.model.packs import PACKS, MaintenanceLedger, PackRecord, RemoteWriter, holder_of
from hathi.storage.chunks.indexes import merge_indexes
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.merging import IndexMerge, Inventory, PackMerge, copy_packs, plan_merge
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.chunks.store import Chunks
from hathi.storage.chunks.tables import Table
from hathi.storage.objects.interface import ObjectStore
from hathi.storage.objects.memory import MemoryStore

_log = logging.getLogger(__name__)

_DROPPED = 1000  # superseded packs dropped in one step


class MaintainedChunks(Chunks):
    """A chunk store that also keeps its packs few. One process has it, and calls these methods from one thread."""

    ledger: MaintenanceLedger

    def __init__(
        self,
        objects: ObjectStore,
        ledger: MaintenanceLedger,
        *,
        cache_bytes: int = 64 << 20,
        pack_bytes: int = PACK_BYTES,
    ) -> None:
        """See `Chunks`."""
        super().__init__(objects, ledger, cache_bytes=cache_bytes, pack_bytes=pack_bytes)
        self._damaged: set[str] = set()  # packs that could not be merged, and are not tried again

    def compact(self) -> bool:
        """Do one bounded step of merging packs and their indexes, and drop packs that earlier steps superseded.

        Returns whether another step may be due.
        """
        if dropped := self.ledger.superseded():
            self.delete_packs(dropped[:_DROPPED])
        self._locations.refresh()
        plan = plan_merge(self._inventory(), self._pack_bytes)
        if plan is None:
            return False
        _log.debug("%s", plan)
        if isinstance(plan, PackMerge):
            self._damaged.update(self._merge(plan.packs, None))
        else:
            self._merge_indexes(plan)
        self._locations.refresh()
        return True

    def rewrite(self, packs: Sequence[PackRecord], live: Callable[[Table, int], bool]) -> list[str]:
        """Copy the chunks of some packs that are still needed into new ones, and condemn those packs.

        They are not superseded: what was not copied is lost with them.

        Args:
            packs: packs that are not gone, condemned or not.
            live: tells whether entry number n of a pack's table is needed.

        Returns:
            Names of packs that cannot be read, and were left as they are.
        """
        damaged = self._merge(packs, live)
        self._locations.refresh()
        return damaged

    def discard(self, holder: str, names: Sequence[str]) -> None:
        """Delete packs that a process gave up, as far as that is possible now; not those of others, or that are named.

        Certain only when nothing that would name them can come any more.
        """
        own = [name for name in names if name.startswith(PACKS) and holder_of(name) == holder]
        if own:
            with suppress(HathiError):
                for name in self.ledger.unregistered(own):
                    self.objects.delete(name)

    def delete_packs(self, names: Sequence[str]) -> list[str]:
        """Drop condemned packs from the catalogue, and only then delete their objects; return those dropped."""
        dropped = self.ledger.drop(names)
        for name in dropped:
            self.objects.delete(name)
        return dropped

    def _inventory(self) -> Inventory:
        inventory = self._locations.inventory()
        return replace(inventory, small=tuple(p for p in inventory.small if p.name not in self._damaged))

    def _merge(self, sources: Sequence[PackRecord], live: Callable[[Table, int], bool] | None) -> list[str]:
        holder = self.ledger.holder()
        copied = copy_packs(self.objects, sources, lambda: self._keys.pack(holder), self._pack_bytes, live)
        for table in copied.tables:
            self._locations.announce(table)
        names = [source.name for source in copied.sources]
        taken = bool(names) and self.ledger.rewritten(RemoteWriter(holder), copied.records, names, live is None)
        if not taken:
            for record in copied.records:
                self.objects.delete(record.name)
        return copied.damaged

    def _merge_indexes(self, plan: IndexMerge) -> None:
        replaced = [index.name for index in plan.indexes]
        key = self._keys.index(self.ledger.holder())
        self.ledger.merged(merge_indexes(self.objects, plan, key, self._locations.live), replaced)
        for name in replaced:  # names first, bytes second: who has just heard of the old index asks the ledger again
            self.objects.delete(name)


def open_memory_chunks() -> MaintainedChunks:
    """Return a working chunk store in memory. Its `ledger` is a `MemoryLedger`, which `register`s what uploads seal."""
    return MaintainedChunks(MemoryStore(), MemoryLedger())
