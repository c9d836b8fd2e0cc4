"""Threads of one class of calls."""

from __future__ import annotations

import threading

from hathi.server.grpc.threads import ClassThreads


def test_calls_run_side_by_side_up_to_the_limit_and_then_in_turn() -> None:
    threads = ClassThreads(2, "t")
    together = threading.Barrier(2)
    names: set[str] = set()

    def call(number: int) -> int:
        names.add(threading.current_thread().name)
        if number < 2:
            together.wait(60)
        return number

    futures = [threads.submit(call, number) for number in range(10)]
    assert [future.result(60) for future in futures] == list(range(10))
    assert names == {"t-0", "t-1"}


def test_a_call_that_fails_does_not_end_its_thread() -> None:
    threads = ClassThreads(1, "t")
    assert isinstance(threads.submit(lambda: 1 / 0).exception(60), ZeroDivisionError)
    assert threads.submit(lambda: 1).result(60) == 1


def test_an_idle_thread_is_used_again() -> None:
    threads = ClassThreads(100, "t")
    for _ in range(5):
        threads.submit(lambda: None).result(60)
    assert threads._started == 1


def test_without_a_new_thread_calls_wait_for_one_that_is_there(monkeypatch) -> None:
    threads = ClassThreads(4, "t")
    assert threads.submit(lambda: 1).result(60) == 1

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    held = threading.Event()
    futures = [threads.submit(held.wait, 60), threads.submit(lambda: 2)]
    held.set()
    assert futures[1].result(60) == 2
    assert futures[0].result(60)


def test_threads_end_when_they_are_no_longer_needed() -> None:
    threads = ClassThreads(3, "t")
    together = threading.Barrier(3)
    workers = [threads.submit(lambda: (together.wait(60), threading.current_thread())[1]) for _ in range(3)]
    threads.shutdown()
    for worker in workers:
        worker.result(60).join(60)
        assert not worker.result(60).is_alive()


def test_no_thread_keeps_the_interpreter_from_ending() -> None:
    assert ClassThreads(1, "t").submit(threading.current_thread).result(60).daemon
