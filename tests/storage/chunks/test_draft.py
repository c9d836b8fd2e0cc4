"""A draft reads like an upload and leaves nothing behind."""

import pytest

from hathi.storage.chunks.interface import ChunkMissing


def test_a_draft_reads_its_own_and_what_is_live_and_stores_nothing(world):
    (live,) = world.store(b"live")
    world.counting.calls.clear()
    draft = world.chunks.draft()
    own = draft.put(b"own")
    assert (draft.get(own), draft.get(live)) == (b"own", b"live")
    assert world.counting.calls["put"] == 0
    assert world.ledger.pins.held() is None
    with pytest.raises(ChunkMissing):
        world.chunks.get(own)


def test_a_file_appended_to_in_a_draft_is_read_across_the_seam(world, noise):
    with world.chunks.upload() as upload:
        a, b, both = (upload.content([part]) for part in (noise[:2_000_000], noise[2_000_000:], noise))
        world.ledger.register(upload, upload.seal())
    draft = world.another().draft()
    joined = draft.join(a, b)
    assert joined == both
    assert b"".join(draft.read(joined, 1_999_990, 20)) == noise[1_999_990:2_000_010]
    assert b"".join(draft.read(joined)) == noise
