"""The cache keeps what was used last, within its limit."""

from hathi.storage.chunks.cache import ChunkCache


def test_what_was_not_used_for_longest_goes_first():
    cache = ChunkCache(100_000)
    for number in range(100):
        cache.put(b"%d" % number, bytes(1000))
        cache.get(b"0")
    assert cache.get(b"0") is not None
    assert cache.get(b"1") is None
    assert cache.get(b"99") is not None


def test_what_would_push_out_all_else_is_not_kept():
    cache = ChunkCache(100_000)
    cache.put(b"large", bytes(10_000))
    assert cache.get(b"large") is None
    assert "0 chunks" in repr(cache)


def test_putting_twice_counts_once():
    cache = ChunkCache(100_000)
    for _ in range(500):
        cache.put(b"same", bytes(1000))
    assert "1 chunks, 1200 of" in repr(cache)
