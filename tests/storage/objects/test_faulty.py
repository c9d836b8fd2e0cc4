"""A planned fault happens once, at its moment, and to whom it was meant for."""

import pytest

from hathi.storage.objects.counting import CountingStore
from hathi.storage.objects.faulty import Fault, FaultyStore, Moment
from hathi.storage.objects.interface import StorageRefused, StorageUnavailable
from hathi.storage.objects.memory import MemoryStore


@pytest.mark.parametrize(("moment", "visible"), [(Moment.BEFORE, []), (Moment.MIDWAY, []), (Moment.AFTER, ["a"])])
def test_a_failing_put_leaves_all_or_nothing_visible(moment, visible):
    store = FaultyStore(MemoryStore(), [Fault("put", moment)])
    with pytest.raises(StorageUnavailable, match=f"planned fault {moment.value} put"):
        store.put("a", [b"one", b"two"])
    assert list(store.list()) == visible


def test_a_fault_waits_for_its_key_and_its_turn():
    store = FaultyStore(MemoryStore(), [Fault("put", prefix="packs/", skip=1, error=StorageRefused("k", "full"))])
    store.put("indexes/a", b"")
    store.put("packs/a", b"")
    with pytest.raises(StorageRefused):
        store.put("packs/b", b"")
    store.put("packs/c", b"")
    assert list(store.list()) == ["indexes/a", "packs/a", "packs/c"]
    assert store.pending == []


def test_something_can_happen_at_the_very_moment():
    inner = MemoryStore()
    store = FaultyStore(inner, [Fault("get", meanwhile=lambda: inner.delete("a"))])
    store.put("a", b"x")
    with pytest.raises(StorageUnavailable):
        store.get("a")
    assert list(inner.list()) == []


def test_calls_and_bytes_are_counted():
    store = CountingStore(MemoryStore())
    store.put("a", [b"one", b"two"])
    store.get("a", 0, 2)
    store.size("a")
    assert store.calls == {"put": 1, "get": 1, "size": 1}
    assert (store.bytes["put"], store.bytes["get"]) == (6, 2)
