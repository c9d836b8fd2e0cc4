"""Locks by name: one holder for a key, no memory for keys that nobody wants."""

from __future__ import annotations

import threading

import pytest

from hathi.versioning.locks import Locks


def test_one_key_has_one_holder() -> None:
    locks, held, most = Locks(), [], []

    def work() -> None:
        for _ in range(50):
            with locks.held("key"):
                held.append(1)
                most.append(len(held))
                held.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_keys_do_not_disturb_each_other_and_are_forgotten() -> None:
    locks = Locks()
    with locks.held("a"), locks.held("b"):
        assert len(locks._locks) == 2
    assert locks._locks == {}


def test_a_failure_releases_the_lock() -> None:
    locks = Locks()
    with pytest.raises(RuntimeError), locks.held("a"):
        raise RuntimeError
    with locks.held("a"):
        pass
