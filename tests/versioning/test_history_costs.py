"""What a long history of small commits costs whoever comes later: counted in packs, rows, bytes and objects.

The tables of packs and the packs themselves are what grows when nobody merges; background merging runs along here, as
it does in a server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from hathi.metadata.ledger import DatabaseLedger
from hathi.server.grpc.hathi.workers import catalogue_messages
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.chunks.merging import FAN, LEVELS
from hathi.storage.objects.counting import CountingStore
from hathi.storage.objects.memory import MemoryStore
from hathi.versioning import files
from hathi.versioning.store import Store

MERGED_EVERY = 64
"""Commits between two rounds of merging; a server looks every few seconds."""

MOST_SMALL = (FAN - 1) * LEVELS + MERGED_EVERY


@dataclass
class Costs:
    """What one more put, the start of a server, of a worker, and a read cost now.

    packs: in the catalogue. rows: fetched from the catalogue's tables. gets: objects read. sent: bytes of the catalogue
    for a new worker, and for one that missed the last put.
    """

    packs: int
    put_rows: int
    put_gets: int
    put_statements: int
    start_rows: int
    start_gets: int
    sent: int
    sent_after_a_put: int
    read_gets: int
    read_bytes: int


class History:
    """A repo that gets one small commit after the other."""

    def __init__(self, world, objects: CountingStore) -> None:
        self.world = world
        self.objects = objects
        self.commits = 0

    def grow(self, number: int) -> None:
        for _ in range(number):
            self.commits += 1
            self.world.put(f"a@master:/{self.commits % 10}", b"%d" % self.commits)
            if self.commits % MERGED_EVERY == 0:
                self.merge()
        self.merge()

    def merge(self) -> None:
        while self.world.store.chunks.compact():
            pass

    def costs(self) -> Costs:
        ledger = self.world.store.ledger
        known = ledger.catalogue()
        assert known is not None
        with self._counting() as put_objects, self.world.counting() as statements, rows(ledger) as put_rows:
            self.world.put("a@master:/new", b"%d more" % self.commits)
        changes = ledger.catalogue(known.version)
        assert changes is not None
        with self._counting() as start_objects, rows(ledger) as start_rows:
            restarted = MaintainedChunks(self.objects, ledger)
            restarted._locations.refresh()
        with self._counting() as read_objects:
            store = Store(self.world.db, restarted, ledger)
            assert b"".join(files.get(store, self.world.spec("a@master"), "/7"))
        restarted.close()
        return Costs(
            packs=len(known.packs),
            put_rows=put_rows["rows"],
            put_gets=put_objects["calls"],
            put_statements=len(statements),
            start_rows=start_rows["rows"],
            start_gets=start_objects["calls"],
            sent=sum(message.ByteSize() for message in catalogue_messages(known)),
            sent_after_a_put=sum(message.ByteSize() for message in catalogue_messages(changes)),
            read_gets=read_objects["calls"],
            read_bytes=read_objects["bytes"],
        )

    @contextmanager
    def _counting(self) -> Iterator[Counter[str]]:
        """Count objects and bytes that are read inside the block; the counts are there when it has ended."""
        calls, sizes = self.objects.calls["get"], self.objects.bytes["get"]
        found: Counter[str] = Counter()
        yield found
        found.update(calls=self.objects.calls["get"] - calls, bytes=self.objects.bytes["get"] - sizes)


@contextmanager
def rows(ledger: DatabaseLedger) -> Iterator[Counter[str]]:
    """Count the rows of packs and indexes that are fetched through a ledger."""
    fetched: Counter[str] = Counter()
    real = ledger.catalogue

    def counting(since: int = -1):
        found = real(since)
        if found is not None:
            fetched["rows"] += len(found.packs) + len(found.indexes)
        return found

    ledger.catalogue = counting
    try:
        yield fetched
    finally:
        ledger.catalogue = real


@pytest.fixture
def history(world) -> History:
    objects = CountingStore(MemoryStore())
    chunks = MaintainedChunks(objects, world.store.ledger)
    world.store = Store(world.db, chunks, world.store.ledger)
    world.repos("a")
    return History(world, objects)


def check(young: Costs, old: Costs) -> None:
    """What costs at all may cost what the number of packs at rest varies by; never what the history is long."""
    assert old.packs <= MOST_SMALL
    assert old.put_statements == young.put_statements
    assert old.put_rows <= MOST_SMALL
    assert old.put_gets == young.put_gets
    assert old.start_rows <= MOST_SMALL + 1
    assert old.start_gets <= MOST_SMALL
    assert old.sent <= 200 * MOST_SMALL
    assert old.sent_after_a_put <= 300
    assert old.read_gets <= young.read_gets + 1
    assert old.read_bytes <= young.read_bytes + 1000


def test_put_start_and_read_cost_the_same_after_ten_commits_and_after_a_thousand(history: History) -> None:
    history.grow(10)
    young = history.costs()
    history.grow(990)
    check(young, history.costs())


@pytest.mark.slow
def test_put_start_and_read_cost_the_same_after_a_hundred_thousand_commits(history: History) -> None:
    costs: list[Costs] = []
    for total in (10, 1_000, 100_000):
        history.grow(total - history.commits)
        costs.append(history.costs())
        print(total, costs[-1])
    for old in costs[1:]:
        check(costs[0], old)


def test_the_catalogue_is_merged_when_nobody_did_so_for_long(history: History) -> None:
    """A server that comes back to a long backlog merges it in bounded steps."""
    for number in range(600):
        history.world.put(f"a@master:/{number % 10}", b"%d" % number)
    steps = 0
    while history.world.store.chunks.compact():
        steps += 1
    assert 3 <= steps <= 10
    assert history.costs().packs <= MOST_SMALL
