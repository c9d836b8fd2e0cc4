"""Waiting: nobody polls, nothing is missed, and whoever leaves is let go at once."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from hathi.model.errors import NotFoundError
from hathi.model.infos import CommitState, Origin
from hathi.versioning import repos, waiting
from hathi.versioning.errors import WaitEnded


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b")


class Asleep:
    """Runs something in a thread and knows when it sleeps on the feed."""

    def __init__(self, world, monkeypatch, call) -> None:
        self.result = []
        self.asleep = threading.Event()
        plain = waiting.Patience.sleep

        def sleep(patience) -> None:
            self.asleep.set()
            plain(patience)

        monkeypatch.setattr(waiting.Patience, "sleep", sleep)
        self.thread = threading.Thread(target=self._run, args=(call,))
        self.thread.start()
        assert self.asleep.wait(30)

    def _run(self, call) -> None:
        try:
            self.result.append(call())
        except Exception as error:
            self.result.append(error)

    def done(self):
        self.thread.join(30)
        return self.result[0]


def test_a_state_reached_already_is_not_waited_for(world) -> None:
    world.start("a@master")
    for state in (CommitState.STARTED, CommitState.READY):
        assert waiting.wait_commit(world.store, world.spec("a@master"), state).open


def test_finishing_wakes_the_waiter(world, monkeypatch) -> None:
    world.start("a@master")
    waiter = Asleep(world, monkeypatch, lambda: waiting.wait_commit(world.store, world.spec("a@master")))
    world.finish("a@master")
    assert waiter.done().finished


def test_a_commit_becomes_ready_when_its_inputs_are_finished(world, monkeypatch) -> None:
    world.branch("b@master", "a@master")
    world.start("a@master")
    ready = lambda: waiting.wait_commit(world.store, world.spec("b@master"), CommitState.READY)  # noqa: E731
    waiter = Asleep(world, monkeypatch, ready)
    world.finish("a@master")
    assert waiter.done().open


def test_a_deleted_commit_is_not_waited_for(world, monkeypatch) -> None:
    world.start("a@master")
    waiter = Asleep(world, monkeypatch, lambda: waiting.wait_commit(world.store, world.spec("a@master")))
    with world.db.write() as tx:
        repos.delete(tx, world.a_repo("a"))
    assert isinstance(waiter.done(), NotFoundError)


def test_a_client_that_leaves_ends_its_wait(world, monkeypatch) -> None:
    world.start("a@master")
    gone, leave = threading.Event(), []
    call = lambda: waiting.wait_commit(  # noqa: E731
        world.store, world.spec("a@master"), cancelled=gone.is_set, on_leave=leave.append
    )
    waiter = Asleep(world, monkeypatch, call)
    gone.set()
    leave[0]()
    assert isinstance(waiter.done(), WaitEnded)


def test_a_server_that_stops_ends_every_wait(world, monkeypatch) -> None:
    world.start("a@master")
    waiter = Asleep(world, monkeypatch, lambda: waiting.wait_commit(world.store, world.spec("a@master")))
    world.db.feed.close()
    assert isinstance(waiter.done(), WaitEnded)


def test_a_set_is_told_as_it_finishes(world, monkeypatch) -> None:
    world.branch("b@master", "a@master")
    world.finish("b@master")
    id = world.put("a@master:/x").id
    told = waiting.wait_commit_set(world.store, id)
    assert str(next(told).commit.repo) == "default/a"
    waiter = Asleep(world, monkeypatch, lambda: list(told))
    world.finish("b@master")
    assert [str(info.commit.repo) for info in waiter.done()] == ["default/b"]


def test_a_subscriber_gets_what_is_there_and_what_comes(world, monkeypatch) -> None:
    first, second = world.put("a@master:/x").id, world.put("a@master:/y").id
    told = waiting.subscribe(world.store, world.a_repo("a"), "master")
    assert [info.commit.id for info in islice(told, 2)] == [first, second]
    waiter = Asleep(world, monkeypatch, lambda: next(told))
    world.put("a@other:/x")
    third = world.put("a@master:/z").id
    assert waiter.done().commit.id == third
    told.close()


def test_a_subscriber_may_begin_later_and_choose(world) -> None:
    world.put("a@master:/x")
    second, third = world.put("a@master:/y").id, world.put("a@other:/z").id
    from_ = world.spec("a@master^")
    told = waiting.subscribe(world.store, world.a_repo("a"), from_=from_)
    assert [info.commit.id for info in islice(told, 2)] == [second, third]
    world.branch("a@empty")
    told = waiting.subscribe(world.store, world.a_repo("a"), origin=Origin.AUTO)
    assert next(told).commit == world.head("a@empty").head


def test_a_subscriber_may_ask_for_finished_commits_only(world, monkeypatch) -> None:
    world.start("a@master")
    told = waiting.subscribe(world.store, world.a_repo("a"), state=CommitState.FINISHED)
    waiter = Asleep(world, monkeypatch, lambda: next(told))
    world.finish("a@master")
    assert waiter.done().finished


def test_a_subscription_ends_with_its_repo(world, monkeypatch) -> None:
    told = waiting.subscribe(world.store, world.a_repo("a"))
    waiter = Asleep(world, monkeypatch, lambda: next(told))
    with world.db.write() as tx:
        repos.delete(tx, world.a_repo("a"))
    assert isinstance(waiter.done(), NotFoundError)


def test_waiting_leaves_no_subscription_behind(world) -> None:
    world.put("a@master:/x")
    waiting.wait_commit(world.store, world.spec("a@master"))
    told = waiting.subscribe(world.store, world.a_repo("a"))
    next(told)
    told.close()
    assert repr(world.db.feed) == "Feed(0 subscriptions)"
