"""What is unavailable is asked for again; what is refused is not."""

import pytest

from hathi.storage.objects.faulty import Fault, FaultyStore, Moment
from hathi.storage.objects.interface import ObjectMissing, StorageRefused, StorageUnavailable
from hathi.storage.objects.memory import MemoryStore
from hathi.storage.objects.retrying import Patience, RetryingStore


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def flaky(pauses):
    def make(*plan, tries=4):
        faulty = FaultyStore(MemoryStore(), plan)
        patience = Patience(tries=tries, first_pause=1.0, longest_pause=3.0, jitter=lambda: 1.0)
        return RetryingStore(faulty, patience, sleep=pauses.append), faulty

    return make


@pytest.mark.parametrize("moment", Moment)
def test_a_put_that_fails_at_any_moment_is_tried_again(flaky, pauses, moment):
    store, faulty = flaky(Fault("put", moment))
    assert store.put("a", [b"one ", b"two"]) == 7
    assert store.get("a") == b"one two"
    assert pauses == [1.0]
    assert not faulty.pending


@pytest.mark.parametrize("method", ["get", "size", "delete", "list"])
def test_every_method_is_tried_again(flaky, pauses, method):
    store, faulty = flaky(Fault(method, times=2))
    store.put("a", b"x")
    call = getattr(store, method)
    call("a")
    assert pauses == [1.0, 2.0]
    assert not faulty.pending


def test_pauses_double_up_to_a_limit_and_patience_ends(flaky, pauses):
    store, _ = flaky(Fault("get", times=9), tries=5)
    store.put("a", b"x")
    with pytest.raises(StorageUnavailable):
        store.get("a")
    assert pauses == [1.0, 2.0, 3.0, 3.0]


def test_a_refusal_is_final(flaky, pauses):
    store, faulty = flaky(Fault("put", error=StorageRefused("a", "disk full")))
    with pytest.raises(StorageRefused):
        store.put("a", b"x")
    with pytest.raises(ObjectMissing):
        store.get("a")
    assert pauses == []
    assert not faulty.pending


def test_a_one_shot_iterator_is_tried_once(flaky, pauses):
    store, _ = flaky(Fault("put", Moment.MIDWAY))
    with pytest.raises(StorageUnavailable):
        store.put("a", iter([b"one ", b"two"]))
    assert pauses == []
    assert list(store.list()) == []


def test_clients_do_not_come_back_at_the_same_time():
    assert len({Patience().pause(1) for _ in range(20)}) > 1
    assert all(0.1 <= Patience().pause(1) <= 0.2 for _ in range(20))
