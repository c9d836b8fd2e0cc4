"""The change feed: who waits for something sleeps here until somebody says that it changed.

A topic says where to look, never what is there: the database alone knows that, so a topic may arrive twice or for
nothing, and several may arrive as one. A subscription collects topics from the moment it is made; hence the order that
misses nothing: subscribe, look, and wait only when what was seen is not enough.

Within one process the feed is memory. Processes that share a PostgreSQL database hear of each other through
`metadata.notify`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType


class Subscription:
    """Topics that start with one of `prefixes`, collected since the subscription was made. A context manager."""

    def __init__(self, feed: Feed, prefixes: tuple[str, ...]) -> None:
        self.prefixes = prefixes
        self._feed = feed
        self._changed = threading.Condition(threading.Lock())
        self._topics: set[str] = set()
        self._woken = False

    def wait(self, timeout: float | None = None) -> set[str]:
        """Return the topics published since the last wait, sleeping until there is one.

        Returns the empty set after `timeout` seconds, and when `wake` was called or the feed was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._topics or self._woken, timeout)
            topics, self._topics = self._topics, set()
            self._woken = self._feed.closed
            return topics

    @property
    def ended(self) -> bool:
        """Whether the feed was closed, so that every wait ends at once."""
        return self._feed.closed

    def wake(self) -> None:
        """End the wait that is going on, or else the next one; safe from any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Collect no more."""
        self._feed.forget(self)

    def offer(self, topics: Iterable[str]) -> None:
        """Take those of `topics` that were asked for; called by the feed."""
        wanted = {topic for topic in topics if topic.startswith(self.prefixes)}
        if wanted:
            with self._changed:
                self._topics |= wanted
                self._changed.notify_all()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Subscription({', '.join(self.prefixes)}; {len(self._topics)} new)"


class Feed:
    """Passes topics to whoever subscribed. Thread-safe."""

    def __init__(self) -> None:
        self.closed = False
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()

    def publish(self, *topics: str) -> None:
        """Tell every subscriber that what `topics` name has changed."""
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.offer(topics)

    def subscribe(self, *prefixes: str) -> Subscription:
        """Collect topics that start with one of `prefixes`, from now on."""
        subscription = Subscription(self, prefixes)
        with self._lock:
            self._subscriptions.add(subscription)
        return subscription

    def publish_all(self) -> None:
        """Let every wait end, as nobody knows what was missed."""
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.offer(subscription.prefixes)

    def forget(self, subscription: Subscription) -> None:
        """Pass nothing more to `subscription`."""
        with self._lock:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every wait, now and later: the server is stopping."""
        self.closed = True
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.wake()

    def __repr__(self) -> str:
        return f"Feed({len(self._subscriptions)} subscriptions{', closed' if self.closed else ''})"
