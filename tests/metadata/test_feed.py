"""The feed: nothing published after subscribing is missed, and every wait can be ended."""

from __future__ import annotations

import threading

from hathi.metadata.feed import Feed


def test_a_subscription_collects_from_the_moment_it_is_made() -> None:
    feed = Feed()
    feed.publish("commit/a")
    with feed.subscribe("commit/") as subscription:
        feed.publish("commit/b")
        feed.publish("job/c", "commit/d")
        assert subscription.wait() == {"commit/b", "commit/d"}
        assert subscription.wait(0) == set()


def test_only_wanted_prefixes_arrive() -> None:
    feed = Feed()
    with feed.subscribe("job/", "work/x") as subscription:
        feed.publish("work/y", "work/x1", "pipeline/p")
        assert subscription.wait() == {"work/x1"}


def test_a_sleeping_wait_is_woken_by_a_topic() -> None:
    feed = Feed()
    with feed.subscribe("a") as subscription:
        got: list[set[str]] = []
        waiter = threading.Thread(target=lambda: got.append(subscription.wait()))
        waiter.start()
        feed.publish("a")
        waiter.join(60)
        assert got == [{"a"}]


def test_wake_ends_one_wait_even_when_called_before_it() -> None:
    with Feed().subscribe("a") as subscription:
        subscription.wake()
        assert subscription.wait() == set()
        assert subscription.wait(0) == set()


def test_closing_the_feed_ends_every_wait_for_good() -> None:
    feed = Feed()
    with feed.subscribe("a") as one, feed.subscribe("b") as two:
        feed.close()
        assert one.wait() == two.wait() == set()
        assert one.wait() == set()


def test_a_closed_subscription_gets_nothing() -> None:
    feed = Feed()
    subscription = feed.subscribe("a")
    subscription.close()
    feed.publish("a")
    assert subscription.wait(0) == set()
    assert repr(feed) == "Feed(0 subscriptions)"


def test_when_topics_may_be_missed_everyone_looks_again() -> None:
    feed = Feed()
    with feed.subscribe("a", "b") as subscription:
        feed.publish_all()
        assert subscription.wait(0) == {"a", "b"}
