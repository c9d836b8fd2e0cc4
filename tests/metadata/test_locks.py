"""The fair lock: first come, first served."""

from __future__ import annotations

import threading

import pytest

from hathi.metadata.locks import FairLock
from hathi.model.errors import InternalError, UnavailableError


def test_waiters_are_served_in_the_order_they_came() -> None:
    lock = FairLock()
    order: list[int] = []

    def take(number: int) -> None:
        with lock:
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(5)]
    with lock:
        for number, thread in enumerate(threads):
            thread.start()
            while len(lock._queue) <= number:
                pass
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_asking_twice_in_one_thread_is_an_error_and_not_a_deadlock() -> None:
    lock = FairLock()
    with lock, pytest.raises(InternalError):
        lock.acquire()
    with lock:
        pass


def test_a_lock_of_two_places_has_two_holders_and_no_third() -> None:
    lock = FairLock(places=2)
    entered, leave = threading.Barrier(3), threading.Event()
    most: list[int] = []
    inside: set[int] = set()

    def take(number: int) -> None:
        with lock:
            inside.add(number)
            most.append(len(inside))
            if number < 2:
                entered.wait(60)
                leave.wait(60)
            inside.discard(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    entered.wait(60)
    third = threading.Thread(target=take, args=(2,))
    third.start()
    while not lock.waiting:
        pass
    leave.set()
    for thread in (*threads, third):
        thread.join(60)
    assert max(most) == 2 and not lock.waiting


def test_a_writer_whose_turn_does_not_come_is_told_that_the_database_is_overloaded() -> None:
    lock = FairLock(timeout=0.001)
    told: list[Exception] = []

    def take() -> None:
        try:
            lock.acquire()
        except UnavailableError as error:
            told.append(error)

    with lock:
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(60)
    assert str(told[0]) == "the database is overloaded; try again"
    with lock:
        assert not lock.waiting
