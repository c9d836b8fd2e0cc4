"""The chunk store of a process: what is live, read; what is new, uploaded; indexes, kept few.

`Chunks` joins an object store with a ledger of what lives in it. It knows chunks by their hash and nothing of what they
mean; files and trees are the next floor's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from hathi.model.errors import HathiError
from hathi.model.packs import PACKS, PackLedger, PackRecord, Pin, RemoteWriter, holder_of
from hathi.storage.chunks.cache import ChunkCache
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.draft import Draft
from hathi.storage.chunks.indexes import merge_indexes
from hathi.storage.chunks.keys import Keys
from hathi.storage.chunks.locations import Locations
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.merging import IndexMerge, Inventory, PackMerge, copy_packs, full_size, plan_merge
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.chunks.reading import Reader
from hathi.storage.chunks.tables import Table
from hathi.storage.chunks.upload import Upload
from hathi.storage.objects.interface import ObjectStore
from hathi.storage.objects.memory import MemoryStore

_log = logging.getLogger(__name__)

_SENDERS = 4  # packs on their way out at a time, over all uploads; they wait for the disk, not for a processor
_DROPPED = 1000  # superseded packs dropped in one step


class Chunks:
    """Thread-safe; one per process. Reads live chunks (it is a `NodeReader`) and makes uploads."""

    def __init__(
        self,
        objects: ObjectStore,
        ledger: PackLedger,
        *,
        cache_bytes: int = 64 << 20,
        pack_bytes: int = PACK_BYTES,
    ) -> None:
        """cache_bytes: of chunks kept in memory. pack_bytes: when a pack is full."""
        self.objects = objects
        self.ledger = ledger
        self._pack_bytes = pack_bytes
        self._keys = Keys()
        self._damaged: set[str] = set()  # packs that could not be merged, and are not tried again
        self._locations = Locations(objects, ledger, full_size(pack_bytes))
        self._reader = Reader(objects, self._locations, ChunkCache(cache_bytes))
        # No task of either waits for another, so that neither can come to a standstill.
        self._workers = ThreadPoolExecutor(os.cpu_count() or 1, "chunk-worker")
        self._senders = ThreadPoolExecutor(_SENDERS, "pack-sender")

    def __repr__(self) -> str:
        return f"Chunks({self.objects}, {self._locations}, {self._reader.cache})"

    def get(self, id: bytes) -> bytes:
        """Return a live chunk or node. Raises `ChunkMissing`, `PackDamaged` and what the object store raises."""
        return self._reader.get(id)

    def get_each(self, ids: Iterable[bytes]) -> Iterator[bytes]:
        """Yield live chunks in turn, past the cache: for whoever reads a great many once. Raises what `get` does."""
        return self._reader.get_each(ids)

    def read(self, content: Content, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield `length` bytes of a file from `offset`, fewer where it ends before. Pieces are at most a chunk long."""
        return self._reader.read(content, offset, length)

    def read_each(self, contents: Iterable[Content]) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of each file in turn. Faster than `read` for many small ones that were written together."""
        return self._reader.read_each(contents)

    def reading(self) -> Pin:
        """Return a pin: as long as it is held, what is live now stays readable. A context manager.

        It must come before the look at the database that tells what to read. Uploads hold one of their own.
        """
        self.ledger.holder()
        return self.ledger.pins.hold()

    def upload(self) -> Upload:
        """Begin a write."""
        return Upload(
            self._reader, self.objects, self.ledger, self._workers, self._senders, self._keys, self._pack_bytes
        )

    def draft(self) -> Draft:
        """Begin a write that nobody will name: a temporary file over the live chunks, for as long as it is held."""
        return Draft(self._reader)

    def compact(self) -> bool:
        """Do one bounded step of merging packs and their indexes, and drop packs that earlier steps superseded.

        For the server's process only, one thread at a time. Returns whether another step may be due.
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

    def close(self) -> None:
        """Wait for packs that are under way and end the threads."""
        self._workers.shutdown()
        self._senders.shutdown()


def open_memory_chunks() -> Chunks:
    """Return a working chunk store in memory. Its `ledger` is a `MemoryLedger`, which `register`s what uploads seal."""
    return Chunks(MemoryStore(), MemoryLedger())
