"""What a process believes to be live follows the ledger."""

from hathi.storage.chunks.locations import Locations


def test_nothing_is_asked_of_the_store_while_nothing_changes(world):
    (id,) = world.store(b"chunk")
    locations = Locations(world.counting, world.ledger, 16 << 20)
    assert locations.refresh()
    world.counting.calls.clear()
    assert not locations.refresh()
    assert locations.keeps(id)
    assert not world.counting.calls


def test_a_condemned_pack_is_read_but_not_relied_on(world):
    (id,) = world.store(b"chunk")
    locations = Locations(world.counting, world.ledger, 16 << 20)
    locations.refresh()
    world.ledger.condemn(pack.name for pack in world.ledger.packs())
    locations.refresh()
    assert locations.find(id) is not None
    assert not locations.keeps(id)


def test_a_chunk_that_is_also_in_a_living_pack_is_relied_on(world):
    (id,) = world.store(b"chunk")
    condemned = [pack.name for pack in world.ledger.packs()]
    world.ledger.condemn(condemned)
    world.store(b"chunk")  # written again, since a condemned pack does not count
    locations = Locations(world.counting, world.ledger, 16 << 20)
    locations.refresh()
    assert locations.keeps(id)
    assert locations.find(id).pack not in condemned


def test_a_forgotten_pack_is_no_place(world):
    (id,) = world.store(b"chunk")
    locations = Locations(world.counting, world.ledger, 16 << 20)
    locations.refresh()
    world.ledger.condemn(pack.name for pack in world.ledger.packs())
    world.ledger.drop([pack.name for pack in world.ledger.packs()])
    locations.refresh()
    assert locations.find(id) is None


def test_a_pack_written_here_is_not_read_back(world):
    world.counting.calls.clear()
    (id,) = world.store(b"chunk")
    assert world.chunks.get(id) == b"chunk"
    with world.chunks.upload() as upload:
        upload.put(b"chunk")
        assert upload.seal() == []
    assert world.counting.calls == {"put": 1}
