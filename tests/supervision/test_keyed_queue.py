"""A key is looked at once for any number of requests, and never by two at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hathi.supervision.keyed_queue import KeyedQueue


@pytest.fixture
def queue(clock):
    return KeyedQueue(clock)


def test_a_key_asked_for_twice_is_given_out_once(queue):
    queue.add("a")
    queue.add("a")
    assert queue.take_now() == "a"
    assert queue.take_now() is None


def test_a_busy_key_waits_until_it_is_done(queue):
    queue.add("a")
    assert queue.take_now() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.take_now() == "b"
    assert queue.take_now() is None
    queue.done("a")
    assert queue.take_now() == "a"


def test_a_key_that_was_put_off_comes_when_its_time_has_come(queue, clock):
    later = clock()
    clock.advance(-10)
    queue.add_at("a", later)
    assert queue.take_now() is None
    clock.advance(10)
    assert queue.take_now() == "a"


def test_a_waiting_taker_is_woken_by_a_key_and_by_the_end(queue):
    taken, some = [], threading.Event()

    def take():
        while (key := queue.take()) is not None:
            taken.append(key)
            queue.done(key)
            some.set()

    taker = threading.Thread(target=take)
    taker.start()
    queue.add("a")
    assert some.wait(30)
    queue.close()
    taker.join(30)
    assert taken == ["a"] and not taker.is_alive()


def test_a_key_that_is_held_back_waits_even_when_asked_for(queue, clock):
    queue.hold("a", clock() + timedelta(seconds=1))
    queue.add("a")
    assert queue.take_now() is None
    clock.advance(1)
    assert queue.take_now() == "a"


def test_of_several_times_for_one_key_the_earliest_counts_and_nothing_piles_up(queue, clock):
    for seconds in range(1000, 1, -1):
        queue.add_at("a", clock() + timedelta(seconds=seconds))
        queue.add_at("a", clock() + timedelta(seconds=5000))
    clock.advance(2)
    assert queue.take_now() == "a"
    queue.done("a")
    clock.advance(10_000)
    assert queue.take_now() is None


def test_a_deadline_a_thousand_years_away_breaks_no_wait(queue, clock):
    queue.add_at("a", datetime(9999, 1, 1, tzinfo=UTC))
    taken = []
    taker = threading.Thread(target=lambda: taken.append(queue.take()))
    taker.start()
    queue.add("b")
    taker.join(30)
    assert taken == ["b"]
