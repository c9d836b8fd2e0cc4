"""Indexes are merged so that few exist at any time, and nothing is lost between."""

import random

import pytest

from hathi.model.packs import IndexRecord, PackRecord
from hathi.storage.chunks.indexes import merge_indexes, open_index
from hathi.storage.chunks.merging import IndexMerge, Inventory, plan_merge
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.objects.faulty import Fault
from hathi.storage.objects.interface import StorageUnavailable
from hathi.storage.objects.local import LocalStore


def full(name, chunks=10):
    """A pack that is never merged."""
    return PackRecord(f"packs/{name}", PACK_BYTES, chunks)


def plan(fresh, indexes=()):
    return plan_merge(Inventory(fresh=tuple(fresh), indexes=tuple(indexes)), PACK_BYTES)


def test_few_fresh_packs_are_left_alone():
    assert plan(full(n) for n in range(15)) is None


def test_enough_fresh_packs_or_one_of_many_chunks_are_merged():
    many = tuple(full(n) for n in range(16))
    assert plan(many) == IndexMerge(many, ())
    large = (full("large", 50_000),)
    assert plan(large) == IndexMerge(large, ())


def test_packs_that_will_soon_be_merged_are_not_indexed():
    small = PackRecord("packs/small", 3000, 10)
    many = tuple(full(n) for n in range(16))
    assert plan((small, *many)) == IndexMerge(many, ())


def test_an_index_is_taken_along_when_it_is_not_much_larger():
    fresh = tuple(full(n) for n in range(32))
    small, huge = IndexRecord("indexes/s", 1, 600), IndexRecord("indexes/h", 1, 100_000)
    assert plan(fresh, (huge, small)) == IndexMerge(fresh, (small,))
    assert str(plan(fresh, (huge, small))).startswith("index 32 packs with 1 indexes, 920 chunks: packs/0, ")


def test_indexes_stay_few_and_an_entry_is_rewritten_few_times():
    """128 merges of equal packs: about log2 of them indexes exist, and an entry moves about as often."""
    indexes, rewritten = (), 0
    for turn in range(128):
        merge = plan((full(f"{turn}-{n}") for n in range(32)), indexes)
        merged = IndexRecord(f"indexes/{turn}", 1, 320 + sum(index.chunks for index in merge.indexes))
        rewritten += merged.chunks
        indexes = (*(index for index in indexes if index not in merge.indexes), merged)
        assert len(indexes) <= 8
    assert rewritten <= 8 * 128 * 320


@pytest.fixture
def world(small_packs):
    return small_packs


@pytest.fixture(params=["in memory", "in a folder"])
def objects(request, world, tmp_path):
    return world.memory if request.param == "in memory" else LocalStore(tmp_path)


def fill(world, chunks, start, packs=16):
    """Store full packs of one chunk each; return the blobs by id."""
    blobs = {}
    for number in range(start, start + packs):
        with chunks.upload() as upload:
            blob = random.Random(number).randbytes(40_000)
            blobs[upload.put(blob)] = blob
            world.ledger.register(upload, upload.seal())
    return blobs


def test_everything_is_found_through_merged_indexes(world, objects):
    chunks = world.another(objects)
    blobs = {}
    for start in (0, 16, 32, 200):
        blobs |= fill(world, chunks, start)
        assert chunks.compact()
        assert not chunks.compact()
        for reader in (chunks, world.another(objects)):
            assert {id: reader.get(id) for id in blobs} == blobs
    assert len(list(objects.list("indexes/"))) == len(world.ledger.indexes()) <= 2


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
    blob = random.Random("shared").randbytes(40_000)
    with world.chunks.upload() as one, world.chunks.upload() as two:
        id = one.put(blob)
        two.put(blob)
        world.ledger.register(one, one.seal())
        world.ledger.register(two, two.seal())
    fill(world, world.chunks, 0, packs=14)
    assert world.chunks.compact()
    first, second = [p.name for p in world.ledger.packs()][:2]
    for gone in (first, second):
        reader = world.another()
        assert reader.get(id) == blob
        world.ledger.condemn([gone])
        world.chunks.delete_packs([gone])
        if gone == first:
            assert world.another().get(id) == blob


def test_merging_drops_what_was_collected(world):
    fill(world, world.chunks, 0)
    world.chunks.compact()
    gone = [p.name for p in world.ledger.packs()[:10]]
    world.ledger.condemn(gone)
    world.chunks.delete_packs(gone)
    fill(world, world.chunks, 100)
    world.chunks.compact()
    (index,) = world.ledger.indexes()
    assert index.chunks == 22
    assert not set(gone) & set(open_index(world.memory, index).names)


def test_what_a_new_index_does_not_cover_any_more_is_found_in_the_packs(world):
    """As when a pack could not be read for a while."""
    blobs = fill(world, world.chunks, 0)
    world.chunks.compact()
    reader = world.another()
    assert {id: reader.get(id) for id in blobs} == blobs
    (old,) = world.ledger.indexes()
    some = {pack.name for pack in world.ledger.packs()[::2]}
    new = merge_indexes(world.memory, IndexMerge((), (old,)), "indexes/new", some.__contains__)
    assert new.chunks == 8
    world.ledger.merged(new, [old.name])
    world.memory.delete(old.name)
    for chunks in (reader, world.another()):
        chunks._locations.refresh()
        assert all(chunks._locations.keeps(id) for id in blobs)


def test_an_index_replaced_under_a_readers_eyes_is_no_problem(world):
    """The reader hears of an index; before it opens it, a merge has put another in its place."""
    blobs = fill(world, world.chunks, 0)
    world.chunks.compact()
    heard = world.ledger.catalogue()
    blobs |= fill(world, world.chunks, 100)
    world.chunks.compact()
    assert not set(heard.indexes) & set(world.ledger.indexes())
    world.ledger.catalogue = Hearsay(heard, world.ledger.catalogue)
    reader = world.another()
    assert {id: reader.get(id) for id in blobs} == blobs


class Hearsay:
    """A catalogue that is out of date when it is asked for first."""

    def __init__(self, stale, ask):
        self.stale, self.ask = stale, ask

    def __call__(self, since=-1):
        answer, self.stale = self.stale or self.ask(since), None
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
    assert world.ledger.indexes() == []
    assert world.chunks.compact()
    assert {id: world.another().get(id) for id in blobs} == blobs
