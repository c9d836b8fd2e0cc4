"""Indexes are merged so that few stand at any time, and nothing is lost between."""

import pytest

from hathi.model.packs import Catalogue, IndexRecord, PackRecord
from hathi.storage.chunks.indexes import MergePlan, plan_merge
from hathi.storage.objects.faulty import Fault
from hathi.storage.objects.interface import StorageUnavailable
from hathi.storage.objects.local import LocalStore


def pack(name, chunks=10):
    return PackRecord(f"packs/{name}", 1000, chunks)


def test_few_fresh_packs_are_left_alone():
    assert plan_merge(Catalogue(1, tuple(pack(n) for n in range(31)), ())) is None


def test_enough_fresh_packs_or_one_of_many_chunks_are_merged():
    many = tuple(pack(n) for n in range(32))
    assert plan_merge(Catalogue(1, many, ())) == MergePlan(many, (), tuple(p.name for p in many))
    large = (pack("large", 50_000),)
    assert plan_merge(Catalogue(1, large, ())) == MergePlan(large, (), ("packs/large",))


def test_an_index_is_taken_along_when_it_is_not_much_larger():
    old = (pack("old", 600),)
    fresh = tuple(pack(n) for n in range(32))
    small = IndexRecord("indexes/s", 1, 600, ("packs/old", "packs/gone"))
    huge = IndexRecord("indexes/h", 1, 100_000, ())
    plan = plan_merge(Catalogue(1, old + fresh, (huge, small)))
    assert plan is not None
    assert plan.indexes == (small,)
    assert plan.covers == tuple(p.name for p in (*fresh, *old))


def test_indexes_stay_few_and_an_entry_is_rewritten_few_times():
    """128 merges of equal packs: about log2 of them indexes stand, and an entry moves about as often."""
    catalogue, rewritten, number = Catalogue(0, (), ()), 0, 0
    for _ in range(128):
        fresh = tuple(pack(f"{number + n}") for n in range(32))
        number += 32
        catalogue = Catalogue(number, catalogue.packs + fresh, catalogue.indexes)
        plan = plan_merge(catalogue)
        merged = IndexRecord(f"indexes/{number}", 1, len(plan.covers) * 10, plan.covers)
        rewritten += merged.chunks
        kept = tuple(index for index in catalogue.indexes if index not in plan.indexes)
        catalogue = Catalogue(number, catalogue.packs, (*kept, merged))
        assert len(catalogue.indexes) <= 8
    assert rewritten <= 8 * number * 10


@pytest.fixture(params=["in memory", "in a folder"])
def objects(request, world, tmp_path):
    return world.memory if request.param == "in memory" else LocalStore(tmp_path)


def fill(world, chunks, start, packs=32):
    """Store packs of one chunk each; return the blobs by id."""
    blobs = {}
    for number in range(start, start + packs):
        with chunks.upload() as upload:
            blob = b"chunk %d" % number
            blobs[upload.put(blob)] = blob
            world.ledger.register(upload.lease.id, upload.seal())
    return blobs


def test_everything_is_found_through_merged_indexes(world, objects):
    chunks = world.another(objects)
    blobs = {}
    for start in (0, 32, 64, 200):
        blobs |= fill(world, chunks, start)
        assert chunks.compact()
        assert not chunks.compact()
        for reader in (chunks, world.another(objects)):
            assert {id: reader.get(id) for id in blobs} == blobs
    assert len(list(objects.list("indexes/"))) == len(world.ledger.catalogue().indexes) <= 2


def test_a_new_process_reads_no_table_of_a_covered_pack(world):
    blobs = fill(world, world.chunks, 0)
    world.chunks.compact()
    world.counting.calls.clear()
    reader = world.another()
    for id in blobs:
        reader.get(id)
    assert world.counting.calls["get"] == 1 + len(blobs)


def test_a_writer_finds_what_an_index_covers(world):
    blobs = fill(world, world.chunks, 0)
    world.chunks.compact()
    with world.another().upload() as upload:
        for blob in blobs.values():
            upload.put(blob)
        assert upload.seal() == []


def test_a_chunk_in_two_packs_outlives_either(world):
    """Two writers that did not know of each other store the same chunk; then the pack of one is collected."""
    with world.chunks.upload() as one, world.chunks.upload() as two:
        id = one.put(b"shared")
        two.put(b"shared")
        world.ledger.register(one.lease.id, one.seal())
        world.ledger.register(two.lease.id, two.seal())
    fill(world, world.chunks, 0, packs=30)
    assert world.chunks.compact()
    first, second = [p.name for p in world.ledger.catalogue().packs][:2]
    for gone in (first, second):
        reader = world.another()
        assert reader.get(id) == b"shared"
        world.ledger.condemn([gone])
        world.ledger.forget([gone])
        world.memory.delete(gone)
        if gone == first:
            assert world.another().get(id) == b"shared"


def test_merging_drops_what_was_collected(world):
    fill(world, world.chunks, 0)
    world.chunks.compact()
    gone = [p.name for p in world.ledger.catalogue().packs[:20]]
    world.ledger.condemn(gone)
    world.ledger.forget(gone)
    fill(world, world.chunks, 100)
    world.chunks.compact()
    (index,) = world.ledger.catalogue().indexes
    assert index.chunks == 44
    assert not set(gone) & set(index.packs)


def test_an_index_replaced_under_a_readers_eyes_is_no_problem(world):
    """The reader hears of an index; before it opens it, a merge has put another in its place."""
    blobs = fill(world, world.chunks, 0)
    world.chunks.compact()
    heard = world.ledger.catalogue()
    blobs |= fill(world, world.chunks, 100)
    world.chunks.compact()
    assert not set(heard.indexes) & set(world.ledger.catalogue().indexes)
    world.ledger.catalogue = Hearsay(heard, world.ledger.catalogue)
    reader = world.another()
    assert {id: reader.get(id) for id in blobs} == blobs


class Hearsay:
    """A catalogue that is out of date when it is asked for first."""

    def __init__(self, stale, ask):
        self.stale, self.ask = stale, ask

    def __call__(self, newer_than=-1):
        answer, self.stale = self.stale or self.ask(newer_than), None
        return answer


def test_a_damaged_index_is_no_loss(world):
    blobs = fill(world, world.chunks, 0)
    world.chunks.compact()
    (name,) = world.memory.list("indexes/")
    world.memory.damage(name, world.memory.get(name)[:-1])
    reader = world.another()
    assert {id: reader.get(id) for id in blobs} == blobs


def test_a_merge_that_fails_changes_nothing(world):
    blobs = fill(world, world.chunks, 0)
    world.faulty.pending.append(Fault("put", prefix="indexes/"))
    with pytest.raises(StorageUnavailable):
        world.chunks.compact()
    assert world.ledger.catalogue().indexes == ()
    assert world.chunks.compact()
    assert {id: world.another().get(id) for id in blobs} == blobs
