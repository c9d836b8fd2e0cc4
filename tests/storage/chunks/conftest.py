"""What the tests of chunks share: stores with faults and counters, and bytes that look like something."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.objects.counting import CountingStore
from hathi.storage.objects.faulty import FaultyStore
from hathi.storage.objects.memory import MemoryStore


@dataclass
class World:
    """A chunk store and everything below it that a test may want to look at or break."""

    memory: MemoryStore = field(default_factory=MemoryStore)
    pack_bytes: int = 32 << 20

    def __post_init__(self) -> None:
        self.faulty = FaultyStore(self.memory)
        self.counting = CountingStore(self.faulty)
        self.ledger = MemoryLedger()
        self.chunks = self.another()

    def another(self, objects=None) -> MaintainedChunks:
        """Another process over the same objects and ledger."""
        return MaintainedChunks(objects or self.counting, self.ledger, pack_bytes=self.pack_bytes)

    def store(self, *blobs: bytes) -> list[bytes]:
        """Put blobs into a pack of their own and name it; return their ids."""
        with self.chunks.upload() as upload:
            ids = [upload.put(blob) for blob in blobs]
            self.ledger.register(upload, upload.seal())
        return ids


@pytest.fixture
def world():
    return World()


@pytest.fixture
def small_packs():
    """A world in which a pack is full after 64 KiB."""
    return World(pack_bytes=64 << 10)


@pytest.fixture(scope="session")
def noise():
    """12 MiB that do not compress; always the same."""
    return random.Random(7).randbytes(12 << 20)


@pytest.fixture(scope="session")
def text(noise):
    """12 MiB of words."""
    words = [b"chunk", b"pack", b"lease", b"node", b"root", b"elephant", b"index", b"border"]
    return b" ".join(words[byte & 7] for byte in noise[: 2 << 20])[: 12 << 20]
