"""Who would see the same shares a look, and nobody is shown what is older than what it has heard of."""

from __future__ import annotations

import threading

import pytest

from hathi.metadata.feed import Feed


def test_subscribers_woken_by_one_topic_share_one_look() -> None:
    feed = Feed()
    subscriptions = [feed.subscribe("a/") for _ in range(300)]
    looks: list[int] = []
    for round in range(3):
        feed.publish("a/x")
        for subscription in subscriptions:
            subscription.wait(0)
            seen = subscription.look("key", lambda: looks.append(len(looks)) or len(looks))  # type: ignore[func-returns-value]
            assert seen == round + 1
    assert len(looks) == 3


def test_looks_of_different_keys_are_not_shared() -> None:
    with Feed().subscribe("a") as subscription:
        assert [subscription.look(key, lambda key=key: key) for key in (1, 2, 1)] == [1, 2, 1]  # type: ignore[misc]


def test_a_look_that_began_before_a_topic_is_not_shown_to_who_has_heard_of_it() -> None:
    feed = Feed()
    with feed.subscribe("a") as early, feed.subscribe("a") as late:
        assert early.look("key", lambda: "old") == "old"
        feed.publish("a")
        late.wait(0)
        assert late.look("key", lambda: "new") == "new"
        early.wait(0)
        assert early.look("key", lambda: "never looked") == "new"


def test_who_comes_while_a_look_goes_on_waits_for_it_and_looks_itself_when_it_fails() -> None:
    feed = Feed()
    begun, go_on = threading.Event(), threading.Event()
    results: list[str] = []

    def failing() -> str:
        begun.set()
        go_on.wait(60)
        raise OSError("gone")

    def first() -> None:
        with pytest.raises(OSError, match="gone"):
            feed.subscribe("a").look("key", failing)

    def second() -> None:
        results.append(feed.subscribe("a").look("key", lambda: "seen"))

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(60)
    two = threading.Thread(target=second)
    two.start()
    go_on.set()
    for thread in (one, two):
        thread.join(60)
    assert results == ["seen"]
    assert feed.subscribe("a").look("key", lambda: "now") == "now"
