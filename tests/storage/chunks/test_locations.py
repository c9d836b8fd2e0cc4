"""What a process believes to be live follows the ledger."""

from itertools import count
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from storage.chunks.conftest import World

from hathi.storage.chunks.locations import Locations
from hathi.storage.chunks.packs import read_table


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


ACTIONS = st.sampled_from(["write", "write many", "condemn", "spare", "drop", "merge", "refresh one"])


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, min_size=12, max_size=40), st.integers(0, 1 << 30))
def test_whoever_follows_changes_knows_what_he_would_know_who_begins_now(actions, seed):
    """Whatever happened in between, and however much of it was missed."""
    world = World(pack_bytes=4 << 10)
    random = Random(seed)
    followers = [world.another() for _ in range(2)]
    holds: dict[str, set[bytes]] = {}
    numbers = count()

    def write(number: int, size: int) -> None:
        with world.chunks.upload() as upload:
            ids = {upload.put(b"%d " % next(numbers) + random.randbytes(size)) for _ in range(number)}
            for record in upload.seal():
                world.ledger.register(upload, [record])
                table = read_table(world.memory, record)
                holds[record.name] = ids & {entry.id for entry in table.entries()}

    for action in actions:
        packs = world.ledger.packs()
        some = [pack.name for pack in packs if random.random() < 0.3]
        if action == "write":
            write(2, 50)
        elif action == "write many":
            for _ in range(20):
                write(1, 2500)
        elif action == "condemn":
            world.ledger.condemn(some)
        elif action == "spare":
            world.ledger.spare(some)
        elif action == "drop":
            world.chunks.delete_packs(world.ledger.droppable())
        elif action == "merge":
            while world.chunks.compact():
                pass
        elif action == "refresh one":
            followers[0]._locations.refresh()
    world.chunks._locations.refresh()
    fresh = world.another()._locations
    fresh.refresh()
    states = world.ledger.packs()
    tables = {state.name: {entry.id for entry in read_table(world.memory, state.record).entries()} for state in states}
    live = set().union(*tables.values())
    in_use = set().union(*(tables[state.name] for state in states if state.condemned is None))
    every = set().union(*holds.values()) | live
    for chunks in followers:
        chunks._locations.refresh()
    for locations in (fresh, world.chunks._locations, *(chunks._locations for chunks in followers)):
        assert {id for id in every if locations.keeps(id)} == in_use
        assert {id for id in every if locations.find(id) is not None} == live
        assert locations.unreadable() is None
        assert {table.key for table in locations._indexes} == {index.name for index in world.ledger.indexes()}
        assert set(locations.inventory().small) == set(fresh.inventory().small)
        assert set(locations.inventory().fresh) == set(fresh.inventory().fresh)
