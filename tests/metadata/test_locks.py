"""The fair lock: first come, first served."""

from __future__ import annotations

import threading

import pytest

from hathi.metadata.locks import FairLock
from hathi.model.errors import InternalError


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
