"""Reading many files: small neighbours together, large ones alone, each whole and in order."""

from __future__ import annotations

import random

from hathi.storage.chunks.content import Content
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.ranges import GROUP_BYTES, GROUP_FILES, groups
from hathi.storage.chunks.store import Chunks
from hathi.storage.objects.counting import CountingStore
from hathi.storage.objects.memory import MemoryStore


def test_small_neighbours_are_grouped_and_a_large_file_stands_alone():
    small, large = Content(GROUP_BYTES // 4), Content(GROUP_BYTES * 3)
    assert [len(group) for group in groups([small] * 5 + [large] + [small] * 2)] == [4, 1, 1, 2]
    assert [len(group) for group in groups([Content(1)] * (GROUP_FILES + 1))] == [GROUP_FILES, 1]
    assert list(groups([])) == []


def test_many_small_files_are_read_with_few_requests_and_come_whole_and_in_order():
    chance = random.Random(1)
    files = [chance.randbytes(chance.randrange(0, 3000)) for _ in range(500)]
    files.insert(200, chance.randbytes(GROUP_BYTES + 1))
    objects, ledger = CountingStore(MemoryStore()), MemoryLedger()
    writer = Chunks(objects, ledger)
    with writer.upload() as upload:
        contents = [upload.content([data]) for data in files]
        ledger.register(upload, upload.seal())
    reader = Chunks(objects, ledger)
    before = objects.calls["get"]
    assert [b"".join(parts) for parts in reader.read_each(contents)] == files
    assert objects.calls["get"] - before < 15


def test_the_bytes_of_a_file_may_be_left_without_harm_to_the_next():
    ledger = MemoryLedger()
    chunks = Chunks(MemoryStore(), ledger)
    with chunks.upload() as upload:
        contents = [upload.content([bytes([number]) * 10]) for number in range(5)]
        ledger.register(upload, upload.seal())
    taken = [b"".join(parts) for number, parts in enumerate(chunks.read_each(contents)) if number % 2]
    assert taken == [b"\1" * 10, b"\3" * 10]
