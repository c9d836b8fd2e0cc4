"""The feed: nothing published after subscribing is missed, and every wait can be ended."""

from __future__ import annotations

import threading

from hathi.metadata.feed import Feed, Subscription


def test_a_subscription_collects_from_the_moment_it_is_made() -> None:
    feed = Feed()
    feed.publish("commit/a")
    with feed.subscribe("commit/") as subscription:
        feed.publish("commit/b")
        feed.publish("job/c", "commit/d")
        assert subscription.wait() == {"commit/b", "commit/d"}
        assert subscription.wait(0) == set()


def test_only_topics_of_wanted_names_and_folders_arrive() -> None:
    feed = Feed()
    with feed.subscribe("job/", "work/x", "commit/r/") as subscription:
        feed.publish("work/y", "work/x1", "work/x/deep", "pipeline/p", "commit/r", "commit/r2/a")
        feed.publish("work/x", "job/p/1", "commit/r/a")
        assert subscription.wait() == {"work/x", "job/p/1", "commit/r/a"}
    with feed.subscribe("") as subscription:
        feed.publish("any/thing")
        assert subscription.wait() == {"any/thing"}


def test_a_topic_that_few_want_costs_nothing_for_the_many_that_want_others(monkeypatch) -> None:
    feed = Feed()
    offered: list[Subscription] = []
    others = [feed.subscribe(f"commit/p/r{n}/") for n in range(300)]
    mine = feed.subscribe("commit/p/r7/")
    monkeypatch.setattr(Subscription, "offer", lambda self, topics, number=0: offered.append(self))
    feed.publish("commit/p/r7/a", "commit/p/r7/b", "branch/p/r7/master")
    assert offered == [others[7], mine]


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
