"""What every object store promises, whichever it is and however it is wrapped."""

import importlib.util
import threading

import pytest

from hathi.model.errors import InternalError
from hathi.storage.objects.counting import CountingStore
from hathi.storage.objects.faulty import FaultyStore
from hathi.storage.objects.interface import ObjectExists, ObjectMissing
from hathi.storage.objects.local import LocalStore
from hathi.storage.objects.memory import MemoryStore
from hathi.storage.objects.remote import RemoteStore
from hathi.storage.objects.retrying import RetryingStore


def remote(_):
    if importlib.util.find_spec("obstore") is None:
        pytest.skip("obstore is not installed (pip install 'hathi[remote]')")
    return RemoteStore("memory:///")


STORES = {
    "memory": lambda _: MemoryStore(),
    "local": LocalStore,
    "remote": remote,
    "retrying": lambda _: RetryingStore(MemoryStore()),
    "faulty": lambda _: FaultyStore(MemoryStore()),
    "counting": lambda _: CountingStore(MemoryStore()),
}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return STORES[request.param](tmp_path / "objects")


def test_what_was_put_is_got(store):
    assert store.put("packs/a-0", b"some bytes") == 10
    assert store.get("packs/a-0") == b"some bytes"
    assert store.size("packs/a-0") == 10


def test_parts_are_joined_in_order(store):
    assert store.put("a", iter([b"one ", b"", b"two"])) == 7
    assert store.get("a") == b"one two"


def test_many_small_and_large_parts_arrive_whole(store):
    parts = [bytes([number % 256]) * (number * 1000) for number in range(200)]
    assert store.put("a", parts) == sum(map(len, parts))
    assert store.get("a") == b"".join(parts)


def test_an_object_may_be_empty(store):
    assert store.put("a", b"") == 0
    assert store.get("a") == b""
    assert store.put("b", iter([])) == 0
    assert store.size("b") == 0


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (3, 0, b""),
        (8, 100, b"89"),
        (10, None, b""),
        (10, 5, b""),
        (99, 5, b""),
        (99, None, b""),
    ],
)
def test_a_range_is_clipped_where_the_object_ends(store, offset, length, expected):
    store.put("a", b"0123456789")
    assert store.get("a", offset, length) == expected


@pytest.mark.parametrize("size", [0, 3, 10 << 20])
def test_what_is_stored_may_be_put_again(store, size):
    data = b"x" * size
    assert store.put("a", data) == size
    assert store.put("a", iter([data[:1], data[1:]])) == size
    assert store.get("a") == data


@pytest.mark.parametrize("other", [b"", b"new", b"old and lonG", b"old and long, and more", b"y" * (10 << 20)])
def test_an_object_is_never_overwritten_with_other_bytes(store, other):
    store.put("a", b"old and long")
    with pytest.raises(ObjectExists, match="object a exists with other bytes") as caught:
        store.put("a", other)
    assert caught.value.key == "a"
    assert store.get("a") == b"old and long"
    assert list(store.list()) == ["a"]


def test_a_deleted_key_may_be_used_again(store):
    store.put("a", b"old")
    store.delete("a")
    store.put("a", b"new")
    assert store.get("a") == b"new"


@pytest.mark.parametrize("ask", [lambda s: s.get("x/y"), lambda s: s.get("x/y", 1, 2), lambda s: s.size("x/y")])
def test_a_missing_object_is_named(store, ask):
    with pytest.raises(ObjectMissing, match="x/y") as caught:
        ask(store)
    assert caught.value.key == "x/y"


def test_deleting_removes_and_may_be_repeated(store):
    store.put("a/b", b"bytes")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/was")
    assert list(store.list()) == []
    with pytest.raises(ObjectMissing):
        store.get("a/b")


def test_a_listing_is_sorted_by_key_and_begins_with_the_prefix(store):
    keys = ["packs/b", "packs/a-1", "packs/a/x", "packs/a0", "indexes/a", "packs.old"]
    for key in keys:
        store.put(key, b"")
    assert list(store.list()) == sorted(keys)
    assert list(store.list("packs")) == ["packs.old", "packs/a-1", "packs/a/x", "packs/a0", "packs/b"]
    assert list(store.list("packs/")) == ["packs/a-1", "packs/a/x", "packs/a0", "packs/b"]
    assert list(store.list("packs/a")) == ["packs/a-1", "packs/a/x", "packs/a0"]
    assert list(store.list("packs/b")) == ["packs/b"]
    assert list(store.list("nothing/here")) == []


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "A", "a b", "ä", "a\n", "x" * 300, "/".join(["abcdefgh"] * 120)],
)
def test_a_malformed_key_is_refused_at_the_door(store, key):
    for use in (
        lambda: store.put(key, b""),
        lambda: store.get(key),
        lambda: store.size(key),
        lambda: store.delete(key),
    ):
        with pytest.raises(InternalError, match="malformed"):
            use()
    assert list(store.list()) == []


class SourceBroke(Exception):
    pass


def breaking(*parts):
    yield from parts
    raise SourceBroke


@pytest.mark.parametrize("before", [0, 10, 20 << 20])
def test_a_source_that_fails_leaves_nothing_behind(store, before):
    with pytest.raises(SourceBroke):
        store.put("a", breaking(b"x" * before))
    assert list(store.list()) == []


def test_a_source_that_fails_leaves_the_old_object(store):
    store.put("a", b"old")
    with pytest.raises(SourceBroke):
        store.put("a", breaking(b"new"))
    assert store.get("a") == b"old"


def test_a_location_holds_each_object_under_its_key(store):
    store.put("packs/a", b"bytes")
    if location := store.location():
        with open(f"{location}/packs/a", "rb") as file:
            assert file.read() == b"bytes"


def test_of_writers_of_one_key_the_first_stays_and_the_others_are_refused(store):
    values = [bytes([number]) * 100_000 for number in range(8)]
    refused = []

    def write(value):
        try:
            store.put("a", [value[:5], value[5:]])
        except ObjectExists:
            refused.append(value)

    threads = [threading.Thread(target=write, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted([store.get("a"), *refused]) == values
    assert list(store.list()) == ["a"]


def test_a_store_tells_what_it_is(store):
    assert type(store).__name__ in repr(store)
