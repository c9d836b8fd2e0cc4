"""A pack is one object that says what it holds, and damage in it is named by its place."""

import pytest
from blake3 import blake3

from hathi.model.errors import InternalError
from hathi.storage.chunks.interface import ChunkMissing, PackDamaged
from hathi.storage.chunks.packs import MAGIC, OpenPack, read_table
from hathi.storage.objects.counting import CountingStore
from hathi.storage.objects.interface import ObjectMissing
from hathi.storage.objects.memory import MemoryStore


def test_a_pack_is_read_back_by_its_table_alone():
    objects = CountingStore(MemoryStore())
    pack = OpenPack("packs/a")
    blobs = {blake3(blob).digest(): blob for blob in (b"one", b"two", b"three")}
    for id, blob in blobs.items():
        pack.add(id, blob, len(blob))
    assert len(pack.write(objects)) == 3
    assert pack.record().size == objects.size("packs/a")
    objects.calls.clear()
    table = read_table(objects, pack.record())
    assert objects.calls == {"get": 1}
    for id, blob in blobs.items():
        (place,) = table.find(id)
        assert objects.get(place.pack, place.offset, place.stored) == blob
    assert objects.get("packs/a").startswith(MAGIC)


@pytest.fixture
def damaged(world):
    """Gives a chunk's id and a new process, after the only pack was rewritten by a function of its bytes."""

    def damage(change):
        _, second = world.store(b"the first chunk", b"the second chunk")
        (name,) = world.memory.list("packs/")
        world.memory.damage(name, change(world.memory.get(name)))
        return second, name, world.another()

    return damage


def test_a_changed_byte_is_named_by_object_and_offset(damaged):
    id, name, chunks = damaged(lambda pack: pack.replace(b"second", b"SECOND"))
    with pytest.raises(PackDamaged, match=f"object {name} is damaged at offset 23: chunk {id.hex()}"):
        chunks.get(id)


@pytest.mark.parametrize("kept", [0, 5, 40, 100])
def test_a_truncated_pack_is_named(damaged, kept):
    id, name, chunks = damaged(lambda pack: pack[:kept])
    with pytest.raises(PackDamaged, match=f"object {name} is damaged at offset"):
        chunks.get(id)


def test_a_pack_truncated_after_its_table_was_read_is_named(world):
    (id,) = world.store(b"a chunk of a few bytes")
    (name,) = world.memory.list("packs/")
    chunks = world.another()
    chunks.get(world.store(b"other")[0])
    world.memory.damage(name, world.memory.get(name)[:12])
    with pytest.raises(PackDamaged, match=f"{name} is damaged at offset 8: .*cut short"):
        chunks.get(id)


def test_a_missing_pack_is_named(world):
    (id,) = world.store(b"a chunk")
    (name,) = world.memory.list("packs/")
    world.memory.delete(name)
    with pytest.raises(ObjectMissing, match=name):
        world.another().get(id)


def test_one_lost_pack_does_not_hide_the_others(world):
    (lost,) = world.store(b"lost")
    (name,) = world.memory.list("packs/")
    (kept,) = world.store(b"kept")
    world.memory.damage(name, b"")
    chunks = world.another()
    assert chunks.get(kept) == b"kept"
    with pytest.raises(InternalError, match=name):
        chunks.get(lost)


def test_what_no_pack_holds_is_missing(world):
    with pytest.raises(ChunkMissing, match="aa" * 32):
        world.chunks.get(b"\xaa" * 32)
