"""Small packs become larger ones: few exist at any time, a chunk is rewritten few times, and no kill loses one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.packs import PackRecord
from hathi.storage.chunks.merging import FAN, LEVELS, Inventory, PackMerge, full_size, level_of, plan_merge
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.objects.faulty import Fault, Moment
from hathi.storage.objects.interface import StorageUnavailable

FULL = full_size(PACK_BYTES)
MOST = (FAN - 1) * LEVELS
"""So many small packs exist at most when no merge is due."""


def plan(small):
    return plan_merge(Inventory(small=tuple(small)), PACK_BYTES)


def test_few_packs_of_a_level_are_left_alone():
    assert plan(PackRecord(f"packs/{n}", 1000, 3) for n in range(FAN - 1)) is None


def test_enough_packs_of_a_level_are_merged_with_all_that_are_smaller():
    large = [PackRecord(f"packs/l{n}", 100_000, 3) for n in range(FAN)]
    small = [PackRecord(f"packs/s{n}", 1000, 3) for n in range(3)]
    larger = [PackRecord("packs/x", 10 << 20, 3)]
    merge = plan([*small, *larger, *large])
    assert merge == PackMerge((*large, *small))
    assert str(merge).startswith("merge 11 packs of 803000 bytes together: packs/l0, packs/l1, ")


@given(st.lists(st.integers(300, FULL - 1), max_size=80))
def test_a_merge_is_bounded_and_reduces_the_number_of_packs(sizes):
    packs = [PackRecord(f"packs/{n}", size, 1) for n, size in enumerate(sizes)]
    merge = plan(packs)
    if merge is None:
        assert len(packs) <= MOST
    else:
        assert len(merge.packs) > 1
        assert sum(pack.size for pack in merge.packs) <= PACK_BYTES


def test_a_chunk_is_rewritten_once_a_level():
    """A hundred thousand small writes: some dozens of small packs, and each byte is copied `LEVELS` times."""
    small, copied, number = [], 0, 0
    for _ in range(100_000):
        number += 1
        small.append(PackRecord(f"packs/{number}", 700, 3))
        while (merge := plan(small)) is not None:
            size = sum(pack.size for pack in merge.packs)
            copied += size
            small = [pack for pack in small if pack not in merge.packs]
            if size < FULL:
                small.append(PackRecord(f"packs/m{number}-{copied}", size, 3))
        assert len(small) <= MOST
    assert copied <= LEVELS * 700 * number


@given(st.integers(1, FULL - 1))
def test_levels_are_powers(size):
    level = level_of(size, FULL)
    assert 0 <= level < LEVELS
    assert size < FULL / FAN ** (LEVELS - 1 - level)
    assert level == 0 or size >= FULL / FAN ** (LEVELS - level)


def fill(world, number, start=0):
    """Store small packs of two chunks each; return the blobs by id."""
    blobs = {}
    for n in range(start, start + number):
        with world.chunks.upload() as upload:
            for blob in (b"chunk %d" % n, random.Random(n).randbytes(500)):
                blobs[upload.put(blob)] = blob
            world.ledger.register(upload, upload.seal())
    return blobs


def settle(world):
    steps = 0
    while world.chunks.compact():
        steps += 1
    return steps


def test_everything_is_found_after_merges_and_the_sources_are_gone(world):
    old = world.another()
    blobs = {}
    for start in range(0, 200, 20):
        blobs |= fill(world, 20, start)
        settle(world)
        for reader in (world.chunks, old, world.another()):
            assert {id: reader.get(id) for id in blobs} == blobs
    packs = world.ledger.packs()
    assert len(packs) <= MOST
    assert sorted(pack.name for pack in packs) == list(world.memory.list("packs/"))


def test_full_packs_are_never_touched_again(small_packs, noise):
    for start in range(0, 400_000, 40_000):
        with small_packs.chunks.upload() as upload:
            upload.put(noise[start : start + 40_000])
            small_packs.ledger.register(upload, upload.seal())
    before = small_packs.ledger.packs()
    settle(small_packs)
    assert small_packs.ledger.packs() == before


def test_a_writer_relies_on_the_merged_pack(world):
    blobs = fill(world, FAN)
    with world.chunks.upload() as early:  # began before the merge
        settle(world)
        for blob in blobs.values():
            early.put(blob)
        assert early.seal() == []
    with world.chunks.upload() as late:
        for blob in blobs.values():
            late.put(blob)
        assert late.seal() == []


def test_equal_chunks_of_several_packs_are_kept_once(world):
    with world.chunks.upload() as one, world.chunks.upload() as two:
        for upload in (one, two):
            upload.put(b"shared")
        for upload in (one, two):
            world.ledger.register(upload, upload.seal())
    fill(world, FAN - 2)
    settle(world)
    (pack,) = world.ledger.packs()
    assert pack.chunks == 1 + 2 * (FAN - 2)


STEPS = [
    ("put", Moment.BEFORE),
    ("put", Moment.MIDWAY),
    ("put", Moment.AFTER),
    ("delete", Moment.BEFORE),
    ("delete", Moment.AFTER),
]


@pytest.mark.parametrize(("method", "moment"), STEPS)
@pytest.mark.parametrize("skip", [0, 3])
def test_a_merge_that_is_killed_at_any_step_loses_nothing_and_is_finished_later(world, method, moment, skip):
    """The kill is an error that nobody handles; what goes on afterwards is another process."""
    blobs = fill(world, 3 * FAN)
    world.faulty.pending.append(Fault(method, moment, skip=0 if method == "put" else skip))
    with pytest.raises(StorageUnavailable):
        settle(world)
    assert not world.faulty.pending
    world.chunks = world.another()
    assert {id: world.chunks.get(id) for id in blobs} == blobs
    blobs |= fill(world, 3 * FAN, start=1000)
    settle(world)
    assert {id: world.another().get(id) for id in blobs} == blobs
    assert len(world.ledger.packs()) <= MOST
    named = {pack.name for pack in world.ledger.packs()}
    stored = set(world.memory.list("packs/"))
    assert named <= stored
    assert len(stored - named) <= 3 * FAN  # what a sweep removes: objects that the catalogue does not list


@pytest.mark.parametrize("step", ["rewritten", "drop"])
@pytest.mark.parametrize("committed", [False, True])
def test_a_merge_that_is_killed_around_a_transaction_loses_nothing(world, monkeypatch, step, committed):
    blobs = fill(world, FAN)
    real = getattr(world.ledger, step)

    def killed(*args):
        if committed:
            real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(world.ledger, step, killed)
    with pytest.raises(KeyboardInterrupt):
        settle(world)
    monkeypatch.undo()
    world.chunks = world.another()
    assert {id: world.chunks.get(id) for id in blobs} == blobs
    settle(world)
    assert {id: world.another().get(id) for id in blobs} == blobs
    assert len(world.ledger.packs()) == 1


def test_a_merge_does_not_undo_a_collection(world, monkeypatch):
    """A source is condemned between the plan and the transaction: the merge is given up, its pack removed."""
    fill(world, FAN)
    real = world.ledger.rewritten

    def condemned_before(writer, packs, sources, superseded):
        world.ledger.condemn(sources[:1])
        return real(writer, packs, sources, superseded)

    monkeypatch.setattr(world.ledger, "rewritten", condemned_before)
    world.chunks.compact()
    assert len(world.ledger.packs()) == FAN
    assert sorted(world.memory.list("packs/")) == sorted(pack.name for pack in world.ledger.packs())


def test_a_damaged_pack_is_left_out_and_not_tried_again(world):
    blobs = fill(world, FAN)
    damaged = world.ledger.packs()[0].name
    whole = bytearray(world.memory.get(damaged))
    whole[10] ^= 1
    world.memory.delete(damaged)
    world.memory.put(damaged, bytes(whole))
    settle(world)
    assert {pack.name for pack in world.ledger.packs()} > {damaged}
    assert len(world.ledger.packs()) == 2
    found = {id for id in blobs if world.ledger.packs()[0].name and not _fails(world.another(), id)}
    assert len(found) == len(blobs) - 1


def _fails(reader, id):
    try:
        reader.get(id)
    except Exception:
        return True
    return False


def test_what_is_still_needed_is_copied_out_of_mostly_dead_packs(world):
    blobs = fill(world, 20)
    packs = [pack.record for pack in world.ledger.packs()]
    needed = set(list(blobs)[::4])

    def live(table, number):
        return next(e for n, e in enumerate(table.entries()) if n == number).id in needed

    assert world.chunks.rewrite(packs, live) == []
    condemned = [pack.name for pack in world.ledger.packs() if pack.condemned is not None]
    assert condemned == [pack.name for pack in packs]
    assert world.ledger.superseded() == []
    world.chunks.delete_packs(condemned)
    (pack,) = world.ledger.packs()
    assert pack.chunks == len(needed)
    reader = world.another()
    assert all(reader.get(id) == blobs[id] for id in needed)


def test_following_a_change_costs_the_change(world):
    """A reader of a large catalogue reads the tables of new packs only, however many there are."""
    costs = []
    for count in (10, 300):
        fill(world, count, start=count)
        reader = world.another()
        reader._locations.refresh()
        world.counting.calls.clear()
        fill(world, 1, start=100_000 + count)
        reader._locations.refresh()
        costs.append(world.counting.calls["get"])
    assert costs == [1, 1]
