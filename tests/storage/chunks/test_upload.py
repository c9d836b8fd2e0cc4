"""What a write costs, what it promises, and what it does when something fails."""

import os
import re
import threading
from collections import Counter

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hathi.model.packs import LeaseLapsed, RemoteWriter, holder_of
from hathi.storage.chunks.content import EMPTY_CONTENT
from hathi.storage.chunks.keys import Keys
from hathi.storage.objects.faulty import Fault, Moment
from hathi.storage.objects.interface import StorageRefused, StorageUnavailable
from hathi.storage.objects.local import LocalStore


def whole(chunks, content, *span):
    return b"".join(chunks.read(content, *span))


def test_many_small_files_and_nodes_cost_one_object(world):
    with world.chunks.upload() as upload:
        for number in range(1000):
            upload.content([b"file %d" % number])
            upload.put(b"node %d" % number)
        (record,) = upload.seal()
        world.ledger.register(upload, [record])
    assert world.counting.calls == {"put": 1}
    assert record.chunks == 2000
    assert list(world.memory.list()) == [record.name]
    assert re.fullmatch(rf"packs/[0-9a-f]{{2}}/{upload.holder}-[0-9a-f]{{8}}-\d+", record.name)
    assert holder_of(record.name) == upload.holder


def test_a_write_of_nothing_costs_nothing(world):
    with world.chunks.upload() as upload:
        assert upload.content([]) == upload.content([b"", b""]) == EMPTY_CONTENT
        assert upload.seal() == []
    assert not world.counting.calls


def test_a_file_comes_back_as_it_was(world, noise, text):
    files = [b"", b"x", b"small" * 100, noise[: 256 << 10], noise[: (256 << 10) + 1], noise, text]
    with world.chunks.upload() as upload:
        contents = [upload.content([file[:1000], file[1000:]]) for file in files]
        world.ledger.register(upload, upload.seal())
    for reader in (world.chunks, world.another()):
        assert [whole(reader, content) for content in contents] == files
    assert [content.size for content in contents] == [len(file) for file in files]


def test_any_span_of_a_file_can_be_read(world, noise):
    with world.chunks.upload() as upload:
        content = upload.content([noise])
        world.ledger.register(upload, upload.seal())
    first = content.chunks[0][1]
    size = len(noise)
    for offset, length in [
        (0, 0),
        (0, 1),
        (first - 1, 2),
        (first, 5),
        (5_000_000, 3_000_000),
        (size - 1, 9),
        (size, 1),
        (size + 5, None),
    ]:
        stop = size if length is None else offset + length
        assert whole(world.chunks, content, offset, length) == noise[offset:stop]


def test_neighbours_are_read_in_one_request(world, noise):
    with world.chunks.upload() as upload:
        content = upload.content([noise])
        world.ledger.register(upload, upload.seal())
    world.counting.calls.clear()
    whole(world.chunks, content)
    assert len(content.chunks) > 8
    assert world.counting.calls["get"] <= 5


def test_equal_bytes_are_stored_once(world, noise):
    with world.chunks.upload() as upload:
        one = upload.content([noise])
        assert upload.content([noise[:7], noise[7:]]) == one
        world.ledger.register(upload, upload.seal())
    written = world.counting.bytes["put"]
    with world.another().upload() as upload:
        assert upload.content([noise]) == one
        assert upload.seal() == []
    assert world.counting.bytes["put"] == written < len(noise) * 1.01


def test_an_upload_sees_what_it_wrote(small_packs, noise):
    """Whether it waits in the pack at hand, is on its way, or is written already."""
    with small_packs.chunks.upload() as upload:
        blobs = [noise[at : at + 20_000] for at in range(0, 400_000, 20_000)]
        ids = [upload.put(blob) for blob in blobs]
        assert [upload.get(id) for id in ids] == blobs
        assert len(upload.seal()) > 3
        assert [upload.get(id) for id in ids] == blobs
        assert [upload.put(blob) for blob in blobs] == ids
        assert sum(record.chunks for record in upload.seal()) == len(blobs)


def test_a_full_pack_leaves_while_the_next_one_fills(small_packs, noise):
    with small_packs.chunks.upload() as upload:
        content = upload.content([noise])
        records = upload.seal()
        small_packs.ledger.register(upload, records)
    assert len(records) > 3
    assert len({record.name for record in records}) == len(records)
    assert {r.name: r.size for r in records} == {key: small_packs.memory.size(key) for key in small_packs.memory.list()}
    assert whole(small_packs.another(), content) == noise


def test_threads_may_share_an_upload(small_packs, noise):
    ids = {}

    def work(start):
        for at in range(start, start + 200_000, 5_000):
            ids[upload.put(noise[at : at + 5_000])] = at
            upload.put(b"common %d" % (at % 50_000))

    with small_packs.chunks.upload() as upload:
        threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 800_000, 200_000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = upload.seal()
        small_packs.ledger.register(upload, records)
    assert sum(record.chunks for record in records) == 160 + 10
    reader = small_packs.another()
    assert all(reader.get(id) == noise[at : at + 5_000] for id, at in ids.items())


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(0, 6 << 20), st.integers(0, 6 << 20), st.booleans())
def test_a_join_is_the_content_of_both(world, noise, first, second, plain):
    """Whatever stands at the seam; `plain` bytes have borders only where chunks are largest."""
    source = bytes(len(noise)) if plain else noise
    a, b = source[:first], source[first : first + second]
    with world.chunks.upload() as upload:
        assert upload.join(upload.content([a]), upload.content([b])) == upload.content([a + b])


def test_a_join_of_live_contents_reads_only_around_the_seam(world, noise):
    large, small = noise, b"one more line\n"
    with world.chunks.upload() as upload:
        a, b = upload.content([large]), upload.content([small])
        world.ledger.register(upload, upload.seal())
    chunks = world.another()
    with chunks.upload() as upload:
        world.counting.bytes.clear()
        joined = upload.join(a, b)
        world.ledger.register(upload, upload.seal())
    assert joined.chunks[:-1] == a.chunks[: len(joined.chunks) - 1]
    assert world.counting.bytes["get"] < 5 << 20
    assert whole(chunks, joined) == large + small


def test_a_long_list_stands_in_blobs_and_joins_like_a_short_one(world, noise):
    """Forty chunks of the largest size: more than an entry holds."""
    zeros = bytes(4 << 20)
    with world.chunks.upload() as upload:
        long = upload.content([zeros] * 40 + [b"end"])
        assert long.listed is not None
        assert upload.join(upload.content([zeros] * 36), upload.content([zeros] * 4 + [b"end"])) == long
        assert upload.join(long, EMPTY_CONTENT) == upload.join(EMPTY_CONTENT, long) == long
        world.ledger.register(upload, upload.seal())
    assert whole(world.another(), long, 160 << 20) == b"end"


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.MIDWAY])
def test_a_failing_put_leaves_nothing_visible_and_can_be_tried_again(world, moment):
    world.faulty.pending.append(Fault("put", moment))
    with world.chunks.upload() as upload:
        id = upload.put(b"node")
        with pytest.raises(StorageUnavailable):
            upload.seal()
        assert list(world.memory.list()) == []
        world.ledger.register(upload, upload.seal())
    assert world.another().get(id) == b"node"


def test_a_pack_may_grow_between_two_tries_to_store_it(world):
    """The first try did store it, although the answer was lost; objects are never replaced."""
    world.faulty.pending.append(Fault("put", Moment.AFTER))
    with world.chunks.upload() as upload:
        ids = [upload.put(b"one")]
        with pytest.raises(StorageUnavailable):
            upload.seal()
        ids.append(upload.put(b"two"))
        world.ledger.register(upload, upload.seal())
    assert [world.another().get(id) for id in ids] == [b"one", b"two"]
    assert list(world.memory.list()) == [pack.name for pack in world.ledger.packs()]


def test_a_pack_that_fails_in_the_background_spoils_the_upload(small_packs, noise):
    small_packs.faulty.pending.append(Fault("put", error=StorageRefused("packs/x", "disk full")))
    with small_packs.chunks.upload() as upload:
        with pytest.raises(StorageRefused, match="disk full"):
            upload.content([noise])
        for _ in range(2):
            with pytest.raises(StorageRefused, match="disk full"):
                upload.seal()


def test_a_source_that_fails_is_passed_on(world, noise):
    def breaking():
        yield noise
        raise ConnectionResetError

    with world.chunks.upload() as upload, pytest.raises(ConnectionResetError):
        upload.content(breaking())
    assert world.ledger.pins.held() is None


def test_a_pin_comes_before_the_first_look_up(world):
    """A pack condemned before the upload began is not relied on, although this process saw it alive."""
    world.store(b"chunk")
    assert world.chunks.get(blake3(b"chunk").digest()) == b"chunk"
    version = world.ledger.condemn(pack.name for pack in world.ledger.packs())
    with world.chunks.upload() as upload:
        assert world.ledger.pins.held() == version
        upload.put(b"chunk")
        assert len(upload.seal()) == 1


def test_what_an_upload_relied_on_is_not_dropped_while_it_works(world):
    """However long it takes: nothing but its end lets go."""
    world.store(b"chunk")
    (old,) = [pack.name for pack in world.ledger.packs()]
    with world.chunks.upload() as upload:
        upload.put(b"chunk")
        world.ledger.condemn([old])
        assert world.ledger.droppable() == []
        assert upload.seal() == []
    assert world.ledger.droppable() == [old]


def test_a_reader_keeps_what_it_may_read_until_it_is_forgotten(world):
    world.store(b"chunk")
    (old,) = [pack.name for pack in world.ledger.packs()]
    with world.chunks.reading():
        world.ledger.condemn([old])
        assert world.ledger.droppable() == []
    assert world.ledger.droppable() == [old]
    pin = world.chunks.reading()
    del pin
    assert world.ledger.pins.held() is None


def test_a_process_that_was_taken_for_dead_names_nothing(world):
    with world.chunks.upload() as upload:
        upload.put(b"node")
        world.ledger.take_for_dead()
        for use in (upload.seal, lambda: upload.put(b"more"), lambda: upload.content([b"more"])):
            with pytest.raises(LeaseLapsed, match=upload.holder):
                use()
        assert upload.lapsed
        assert "lapsed" in repr(upload)


def test_an_upload_that_is_given_up_removes_its_packs(small_packs, noise):
    """Whatever ends it: an error, a client that went away, or nobody who names what was stored."""
    with pytest.raises(ConnectionResetError), small_packs.chunks.upload() as upload:
        upload.content([noise])
        raise ConnectionResetError
    with small_packs.chunks.upload() as upload:
        upload.content([noise])
        assert len(upload.seal()) > 3
    assert list(small_packs.memory.list()) == []


def test_a_full_disk_leaves_no_pack_of_the_upload_that_met_it(small_packs, noise):
    small_packs.faulty.pending.append(Fault("put", error=StorageRefused("packs/x", "disk full"), skip=3))
    with pytest.raises(StorageRefused), small_packs.chunks.upload() as upload:
        upload.content([noise])
    assert small_packs.counting.calls["put"] == 3
    assert list(small_packs.memory.list()) == []


def test_a_pack_whose_storing_was_not_confirmed_is_removed_too(world):
    world.faulty.pending.append(Fault("put", Moment.AFTER))
    with pytest.raises(StorageUnavailable), world.chunks.upload() as upload:
        upload.put(b"node")
        upload.seal()
    assert list(world.memory.list()) == []


def test_what_was_named_is_kept_even_if_the_answer_was_lost(world):
    """The transaction committed, but the upload did not hear of it."""
    with pytest.raises(ConnectionResetError), world.chunks.upload() as upload:
        id = upload.put(b"node")
        world.ledger.register(RemoteWriter(upload.holder), upload.seal())
        raise ConnectionResetError
    assert world.another().get(id) == b"node"


def test_a_pack_collected_since_we_heard_of_it_is_looked_for_again(world):
    """Its chunks that are still referred to were written again elsewhere."""
    (id,) = world.store(b"chunk")
    reader = world.another()
    reader._locations.refresh()
    (old,) = [pack.name for pack in world.ledger.packs()]
    world.ledger.condemn([old])
    world.store(b"chunk")
    assert world.chunks.delete_packs([old]) == [old]
    assert reader.get(id) == b"chunk"


def test_packs_are_spread_over_folders():
    """No folder has many more than a thousand, however long a process lives."""
    keys = Keys()
    folders = Counter(keys.pack("holder").split("/")[1] for _ in range(100_000))
    assert len(folders) > 50
    assert max(folders.values()) <= 5_000
    assert keys.pack("holder").startswith("packs/")


def test_a_small_write_syncs_its_pack_and_its_folder_and_a_new_folder_once(world, tmp_path, monkeypatch):
    syncs = []
    fsync = os.fsync
    monkeypatch.setattr("os.fsync", lambda descriptor: (syncs.append(descriptor), fsync(descriptor)))
    chunks = world.another(LocalStore(tmp_path))
    costs = []
    for number in range(10):
        syncs.clear()
        with chunks.upload() as upload:
            upload.put(b"%d" % number)
            world.ledger.register(upload, upload.seal())
        costs.append(len(syncs))
    assert costs[1:] == [2] * 9
    assert costs[0] <= 2 + 3  # `packs`, its sub-folder, and the folder of all
