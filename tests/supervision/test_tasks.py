"""Background tasks go on whatever their work raises, and end when they are told to."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from hathi.metadata.feed import Feed
from hathi.model.errors import UnavailableError
from hathi.supervision import Backoff, Supervisor

QUICK = Backoff(0.001, 0.002)


class Bang(BaseException):
    """What nobody foresees."""


@pytest.fixture
def supervisor(clock):
    return Supervisor(clock)


def test_a_key_that_fails_is_tried_again_later_and_later_while_others_go_on(supervisor, clock):
    tried: list[str] = []

    def work(key: str) -> None:
        tried.append(key)
        if key == "bad":
            raise KeyError("no")

    queue = supervisor.queue("work", work)
    for key in ("bad", "good", "better"):
        queue.add(key)
    queue.run_ready()
    assert tried == ["bad", "good", "better"]
    for seconds, tries in ((0.9, 1), (0.1, 2), (1.9, 2), (0.1, 3), (4, 4)):
        clock.advance(seconds)
        queue.run_ready()
        assert tried.count("bad") == tries
    assert tried.count("good") == 1


def test_a_failing_key_that_is_asked_for_all_the_time_is_tried_once_a_second(supervisor, clock):
    tried: list[str] = []

    def work(key: str) -> None:
        tried.append(key)
        raise UnavailableError("away")

    queue = supervisor.queue("work", work)
    for _ in range(100):
        queue.add("a")
        queue.run_ready()
        clock.advance(0.1)
    assert len(tried) == 10


def test_a_failure_is_shown_and_taken_back_and_showing_it_may_fail_too(supervisor, clock):
    shown: list[tuple[str, str]] = []
    broken = True

    def work(key: str) -> None:
        if broken:
            raise UnavailableError("away")

    def show(key, failure) -> None:
        shown.append((key, failure.reason))
        raise OSError("cannot be shown")

    queue = supervisor.queue("work", work, on_failure=show, on_recovery=lambda key, failure: shown.append((key, "")))
    queue.add("a")
    queue.run_ready()
    failure = queue.failure("a")
    assert failure is not None and (failure.reason, failure.times) == ("away", 1)
    assert [(one.task, one.subject) for one in supervisor.failures()] == [("work", "a")]
    broken = False
    clock.advance(1)
    queue.run_ready()
    assert shown == [("a", "away"), ("a", "")]
    assert queue.failure("a") is None and supervisor.failures() == ()


def test_work_may_name_the_time_when_it_is_to_be_done_again(supervisor, clock):
    done: list[str] = []

    def work(key: str):
        done.append(key)
        return clock() + timedelta(seconds=5)

    queue = supervisor.queue("work", work)
    queue.add("a")
    queue.run_ready()
    clock.advance(4)
    assert queue.run_ready() == 0
    clock.advance(1)
    assert queue.run_ready() == 1


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), SystemExit(3), Bang()], ids=repr)
def test_no_exception_ends_the_threads_of_a_queue(error):
    supervisor = Supervisor(backoff=QUICK)
    tries: list[int] = []
    done, other = threading.Event(), threading.Event()

    def work(key: str) -> None:
        if key == "other":
            other.set()
            return
        tries.append(1)
        if len(tries) < 5:
            raise error
        done.set()

    queue = supervisor.queue("work", work)
    queue.start()
    queue.add("a")
    queue.add("other")
    assert done.wait(30) and other.wait(30)
    assert queue.status().threads == 1
    assert queue.stop(30)
    assert queue.status().wanted == 0


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), SystemExit(3), Bang()], ids=repr)
def test_no_exception_ends_a_ticker(error):
    supervisor = Supervisor(backoff=QUICK)
    tries: list[int] = []
    done = threading.Event()

    def work() -> None:
        tries.append(1)
        if len(tries) < 5:
            raise error
        done.set()

    ticker = supervisor.every("tick", 3600, work, at_once=True)
    ticker.start()
    assert done.wait(30)
    assert ticker.stop(30)
    assert (ticker.status().failed, ticker.status().succeeded) == (4, 1)


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), SystemExit(3), Bang()], ids=repr)
def test_no_exception_ends_a_follower_and_what_it_could_not_handle_comes_again(error):
    supervisor, feed = Supervisor(backoff=QUICK), Feed()
    seen: list[set[str]] = []
    done = threading.Event()

    def handle(topics: set[str]) -> None:
        seen.append(topics)
        if len(seen) < 5:
            raise error
        done.set()

    follower = supervisor.follow("events", feed.subscribe("a/"), handle)
    follower.start()
    feed.publish("a/1")
    assert done.wait(30)
    assert all("a/1" in topics for topics in seen)
    assert follower.stop(30)


def test_a_follower_that_fails_waits_instead_of_spinning(clock):
    supervisor, feed = Supervisor(clock), Feed()

    def handle(topics: set[str]) -> None:
        raise UnavailableError("away")

    follower = supervisor.follow("events", feed.subscribe("a/"), handle)
    feed.publish("a/1")
    assert [follower.follow(0) for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_a_follower_ends_when_its_feed_is_closed():
    feed = Feed()
    follower = Supervisor().follow("events", feed.subscribe("a/"), lambda topics: None)
    follower.start()
    feed.close()
    assert follower.stop(30)


def test_a_ticker_can_be_woken_and_goes_on_at_once_while_there_is_more():
    calls: list[int] = []
    done = threading.Event()

    def work() -> bool:
        calls.append(1)
        if len(calls) == 3:
            done.set()
        return len(calls) < 3

    ticker = Supervisor().every("tick", 3600, work)
    ticker.start()
    ticker.wake()
    assert done.wait(30)
    assert ticker.stop(30)
    assert len(calls) == 3


def test_a_stop_does_not_wait_without_limit_and_says_so(lines):
    entered, leave = threading.Event(), threading.Event()

    def work(key: str) -> None:
        entered.set()
        leave.wait(60)

    queue = Supervisor().queue("slow work", work)
    queue.start()
    queue.add("a")
    assert entered.wait(30)
    assert not queue.stop(0.01)
    assert lines == [("slow work: still at work 0.01 s after it was told to stop (1 threads)", False)]
    leave.set()
    assert queue.stop(30)


def test_a_task_that_has_ended_is_no_longer_told_of():
    supervisor = Supervisor()
    kept, gone = supervisor.every("kept", 1, lambda: None), supervisor.every("gone", 1, lambda: None)
    gone.start()
    gone.stop(30)
    assert [status.name for status in supervisor.status()] == [kept.name]
