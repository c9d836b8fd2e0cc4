"""The chunk store of a process: what is live, read; what is new, uploaded; indexes, kept few.

`Chunks` joins an object store with a ledger of what lives in it. It knows chunks by their hash and nothing of what they
mean; files and trees are the next floor's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from hathi.model.packs import Lease, PackLedger
from hathi.storage.chunks.cache import ChunkCache
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.draft import Draft
from hathi.storage.chunks.indexes import merge, plan_merge
from hathi.storage.chunks.locations import Locations
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.chunks.reading import Reader
from hathi.storage.chunks.upload import Upload
from hathi.storage.objects.interface import ObjectStore
from hathi.storage.objects.memory import MemoryStore

_SENDERS = 4  # packs on their way out at a time, over all uploads; they wait for the disk, not for a processor


class Chunks:
    """Thread-safe; one per process. Reads live chunks (it is a `NodeReader`) and makes uploads."""

    def __init__(
        self,
        objects: ObjectStore,
        ledger: PackLedger,
        *,
        cache_bytes: int = 64 << 20,
        pack_bytes: int = PACK_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """cache_bytes: of chunks kept in memory. pack_bytes: when a pack is full. clock: seconds, times leases."""
        self.objects = objects
        self.ledger = ledger
        self._pack_bytes = pack_bytes
        self._clock = clock
        self._locations = Locations(objects, ledger)
        self._reader = Reader(objects, self._locations, ChunkCache(cache_bytes))
        # No task of either waits for another, so that neither can come to a standstill.
        self._workers = ThreadPoolExecutor(os.cpu_count() or 1, "chunk-worker")
        self._senders = ThreadPoolExecutor(_SENDERS, "pack-sender")

    def __repr__(self) -> str:
        return f"Chunks({self.objects}, {self._locations}, {self._reader.cache})"

    def get(self, id: bytes) -> bytes:
        """Return a live chunk or node. Raises `ChunkMissing`, `PackDamaged` and what the object store raises."""
        return self._reader.get(id)

    def read(self, content: Content, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield `length` bytes of a file from `offset`, fewer where it ends before. Pieces are at most a chunk long."""
        return self._reader.read(content, offset, length)

    def read_each(self, contents: Iterable[Content]) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of each file in turn. Faster than `read` for many small ones that were written together."""
        return self._reader.read_each(contents)

    def upload(self, lease: Lease | None = None) -> Upload:
        """Begin a write under `lease`, which its owner will end, or its own, which it ends at exit."""
        return Upload(
            self._reader,
            self.objects,
            self.ledger,
            self._workers,
            self._senders,
            self._clock,
            lease,
            self._pack_bytes,
        )

    def draft(self) -> Draft:
        """Begin a write that nobody will name: it stays in memory, over the live chunks, for as long as it is held."""
        return Draft(self._reader)

    def compact(self) -> bool:
        """Merge pack indexes if that is due, and return whether it was. One process at a time should do so."""
        catalogue = self.ledger.catalogue()
        plan = plan_merge(catalogue) if catalogue else None
        if plan is None:
            return False
        replaced = [index.name for index in plan.indexes]
        self.ledger.merged(merge(self.objects, plan), replaced)
        for name in replaced:  # names first, bytes second: who has just heard of the old index asks the ledger again
            self.objects.delete(name)
        self._locations.refresh()
        return True

    def close(self) -> None:
        """Wait for packs that are under way and end the threads."""
        self._workers.shutdown()
        self._senders.shutdown()


def open_memory_chunks() -> Chunks:
    """Return a working chunk store in memory. Its `ledger` is a `MemoryLedger`, which `register`s what uploads seal."""
    return Chunks(MemoryStore(), MemoryLedger())
