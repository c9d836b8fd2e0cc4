"""The change feed: who waits for something sleeps here until somebody says that it changed.

A topic says where to look, never what is there: the database alone knows that, so a topic may arrive twice or for
nothing, and several may arrive as one. A subscription collects topics from the moment it is made; hence the order that
misses nothing: subscribe, look, and wait only when what was seen is not enough.

Topics are paths (`commit/project/repo/id`). Who subscribes names one topic, or a folder of them by its path with a
slash at the end. Subscriptions are kept by that name, so that publishing costs the topic's depth and those who want it,
whatever the number of others. Many who are woken by one topic and want to see the same thing share one look.

Within one process the feed is memory. Processes that share a PostgreSQL database hear of each other through
`metadata.notify`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from hathi.metadata.looks import SharedLooks

Seen = TypeVar("Seen")

EVERYTHING = ""
"""The folder of all topics."""


class Subscription:
    """Topics that one of `names` is or is a folder of, collected since the subscription was made. A context manager."""

    def __init__(self, feed: Feed, names: tuple[str, ...]) -> None:
        self.names = names
        self._feed = feed
        self._changed = threading.Condition(threading.Lock())
        self._topics: set[str] = set()
        self._woken = False
        self._offered = self._heard = feed.published

    def wait(self, timeout: float | None = None) -> set[str]:
        """Return the topics published since the last wait, sleeping until there is one.

        Returns the empty set after `timeout` seconds, and when `wake` was called or the feed was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._topics or self._woken, timeout)
            topics, self._topics = self._topics, set()
            self._woken = self._feed.closed
            self._heard = self._offered
            return topics

    def look(self, key: Hashable, look: Callable[[], Seen]) -> Seen:
        """Return what `look` returns, or what somebody else's look of the same `key` returned.

        Only a look counts that began after the last topic that `wait` returned; so nothing is missed. Raises what
        `look` raises.
        """
        return self._feed.looks.get(key, self._heard, look)

    @property
    def ended(self) -> bool:
        """Whether the feed was closed, so that every wait ends at once."""
        return self._feed.closed

    def begin(self) -> None:
        """Count everything published so far as heard of; called by the feed once it passes topics on."""
        with self._changed:
            self._heard = self._offered

    def wake(self) -> None:
        """End the wait that is going on, or else the next one; safe from any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Collect no more."""
        self._feed.forget(self)

    def offer(self, topics: Iterable[str], number: int = 0) -> None:
        """Collect `topics`, which were asked for; called by the feed. number: which publication this is."""
        with self._changed:
            self._topics.update(topics)
            self._offered = max(self._offered, number)
            self._changed.notify_all()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Subscription({', '.join(self.names)}; {len(self._topics)} new)"


class Feed:
    """Passes topics to whoever subscribed. Thread-safe.

    published: how often something was published so far. looks: what subscribers saw, for others that would see the
    same.
    """

    def __init__(self) -> None:
        self.closed = False
        self.published = 0
        self.looks = SharedLooks(lambda: self.published)
        self._lock = threading.Lock()
        self._subscriptions: dict[str, dict[Subscription, None]] = {}

    def publish(self, *topics: str) -> None:
        """Tell every subscriber that what `topics` name has changed."""
        wanted: dict[Subscription, list[str]] = {}
        with self._lock:
            self.published = number = self.published + 1
            for topic in topics:
                for name in _names(topic):
                    for subscription in self._subscriptions.get(name, ()):
                        wanted.setdefault(subscription, []).append(topic)
        for subscription, found in wanted.items():
            subscription.offer(found, number)

    def subscribe(self, *names: str) -> Subscription:
        """Collect the topics of these names, from now on; of all topics in it where a name ends with a slash."""
        subscription = Subscription(self, names)
        with self._lock:
            for name in names:
                self._subscriptions.setdefault(name, {})[subscription] = None
            subscription.offer((), self.published)  # what was published until here is heard of, though not collected
        subscription.begin()
        return subscription

    def publish_all(self) -> None:
        """Let every wait end, as nobody knows what was missed."""
        with self._lock:
            self.published = number = self.published + 1
            subscriptions = self._all()
        for subscription in subscriptions:
            subscription.offer(subscription.names, number)

    def forget(self, subscription: Subscription) -> None:
        """Pass nothing more to `subscription`."""
        with self._lock:
            for name in subscription.names:
                those = self._subscriptions.get(name, {})
                those.pop(subscription, None)
                if not those:
                    self._subscriptions.pop(name, None)

    def close(self) -> None:
        """End every wait, now and later: the server is stopping."""
        self.closed = True
        with self._lock:
            subscriptions = self._all()
        for subscription in subscriptions:
            subscription.wake()

    def _all(self) -> tuple[Subscription, ...]:
        return tuple(dict.fromkeys(one for those in self._subscriptions.values() for one in those))

    def __repr__(self) -> str:
        with self._lock:
            return f"Feed({len(self._all())} subscriptions{', closed' if self.closed else ''})"


def _names(topic: str) -> Iterator[str]:
    """Yield the names under which a topic is wanted: all topics, each folder that it is in, the topic itself.

    >>> list(_names("job/p/x"))
    ['', 'job/', 'job/p/', 'job/p/x']
    """
    yield EVERYTHING
    at = topic.find("/")
    while at >= 0:
        yield topic[: at + 1]
        at = topic.find("/", at + 1)
    yield topic
