"""A key is looked at once for any number of requests, and never by two at a time."""

from __future__ import annotations

import threading

import pytest

from hathi.pipelines.controllers.queue import KeyedQueue


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
