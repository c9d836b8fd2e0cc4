"""What is read or relied on stays for as long as somebody reads or writes, however long that takes."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from random import Random

import pytest

from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.objects.faulty import Fault, FaultyStore
from hathi.storage.objects.interface import StorageRefused
from hathi.storage.objects.memory import MemoryStore
from hathi.versioning import files, finishing
from hathi.versioning.store import Store
from hathi.versioning.writing import Writer


@pytest.fixture(autouse=True)
def some_files(world) -> None:
    world.repos("a")
    for name in "xyz":
        world.put(f"a@master:/{name}", name.encode())


def pinned(world) -> bool:
    return world.store.ledger.pins.held() is not None


def condemn_all(world) -> list[str]:
    """Condemn every pack, as a collection does whose marking found nothing of it in use."""
    catalogue = world.store.ledger.catalogue()
    with world.db.write() as tx:
        world.store.ledger.condemn(tx, [pack.name for pack in catalogue.packs])
    return world.store.ledger.droppable()


def test_a_put_may_pause_for_any_time(world) -> None:
    with Writer(world.store, world.spec("a@master")) as writer:
        writer.put("/slow", [b"1"])
        world.db.clock.now += timedelta(days=3)
        world.store.ledger.oldest_pin()
        writer.put("/late", [b"2"])
        writer.close()
    assert world.files("a@master") == {"/x": b"x", "/y": b"y", "/z": b"z", "/slow": b"1", "/late": b"2"}


READS = {
    "get": lambda world: files.get(world.store, world.spec("a@master"), "/x"),
    "get_all": lambda world: files.get_all(world.store, world.spec("a@master"), "/*"),
    "list": lambda world: files.list_files(world.store, world.spec("a@master")),
    "walk": lambda world: files.walk(world.store, world.spec("a@master")),
    "glob": lambda world: files.glob(world.store, world.spec("a@master"), "/*"),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_is_pinned_from_its_start_until_its_end(world, name) -> None:
    read = READS[name](world)
    list(islice(read, 1))
    assert pinned(world)
    assert condemn_all(world) == []
    list(read)
    del read
    assert not pinned(world)
    assert world.store.ledger.droppable()


@pytest.mark.parametrize("name", READS)
def test_a_read_that_nobody_goes_on_with_is_unpinned(world, name) -> None:
    read = READS[name](world)
    list(islice(read, 1))
    del read
    assert not pinned(world)


def test_an_open_commit_is_read_under_a_pin(world) -> None:
    world.start("a@master")
    world.put("a@master:/open", b"o")
    read = files.get(world.store, world.spec("a@master"), "/open")
    assert pinned(world)
    assert b"".join(read) == b"o"
    del read
    assert not pinned(world)


def test_who_waits_for_a_commit_pins_nothing(world, monkeypatch) -> None:
    world.start("a@master")
    world.put("a@master:/open")
    world.finish("a@master", fold=False)
    seen = []

    def wait(store, *args) -> None:
        seen.append(pinned(world))
        finishing.fold_all(store)

    monkeypatch.setattr(files, "wait_commit", wait)
    assert world.files("a@master")
    assert seen == [False]


def test_every_write_is_pinned_before_it_looks_at_what_it_builds_on(world, monkeypatch) -> None:
    """Otherwise the tree that it starts from could go while it is extended."""
    seen = []
    base_root = finishing.commits.base_root

    def look(*args):
        seen.append(pinned(world))
        return base_root(*args)

    monkeypatch.setattr(finishing.commits, "base_root", look)
    world.put("a@master:/more")
    world.start("a@master")
    world.put("a@master:/open")
    world.finish("a@master")
    assert len(seen) >= 2 and all(seen)
    assert not pinned(world)


@pytest.fixture
def faulty(world) -> FaultyStore:
    faulty = FaultyStore(MemoryStore())
    world.store = Store(world.db, MaintainedChunks(faulty, world.store.ledger, pack_bytes=1000), world.store.ledger)
    world.repos("b")
    return faulty


def test_a_put_on_a_full_disk_leaves_no_pack(world, faulty) -> None:
    faulty.pending.append(Fault("put", error=StorageRefused("packs/x", "disk full"), skip=5))
    with pytest.raises(StorageRefused), Writer(world.store, world.spec("b@master")) as writer:
        for number in range(100):
            writer.put(f"/{number}", [Random(number).randbytes(500)])
        writer.close()
    assert list(faulty.list()) == []
    assert not pinned(world)


def test_a_put_whose_client_goes_away_leaves_no_pack(world, faulty) -> None:
    with pytest.raises(ConnectionResetError), Writer(world.store, world.spec("b@master")) as writer:
        for number in range(100):
            writer.put(f"/{number}", [Random(number).randbytes(500)])
        raise ConnectionResetError
    assert list(faulty.list()) == []


def test_a_put_that_works_keeps_every_pack(world, faulty) -> None:
    with Writer(world.store, world.spec("b@master")) as writer:
        for number in range(100):
            writer.put(f"/{number}", [Random(number).randbytes(500)])
        writer.close()
    catalogue = world.store.ledger.catalogue()
    assert len(catalogue.packs) > 5
    assert {pack.name for pack in catalogue.packs} >= set(faulty.list()) != set()
    assert len(world.files("b@master")) == 100
