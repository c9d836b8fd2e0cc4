"""The chunk store of a process: what is live, read; what is new, uploaded.

`Chunks` joins an object store with a ledger of what lives in it. It knows chunks by their hash and nothing of what they
mean; files and trees are the next floor's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from hathi.model.packs import PackLedger, Pin
from hathi.storage.chunks.cache import ChunkCache
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.draft import Draft
from hathi.storage.chunks.keys import Keys
from hathi.storage.chunks.locations import Locations
from hathi.storage.chunks.merging import full_size
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.chunks.reading import Reader
from hathi.storage.chunks.upload import Upload
from hathi.storage.objects.interface import ObjectStore

_log = logging.getLogger(__name__)

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
    ) -> None:
        """cache_bytes: of chunks kept in memory. pack_bytes: when a pack is full."""
        self.objects = objects
        self.ledger = ledger
        self._pack_bytes = pack_bytes
        self._keys = Keys()
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

    def close(self) -> None:
        """Wait for packs that are under way and end the threads."""
        self._workers.shutdown()
        self._senders.shutdown()
