"""Waiting without asking again and again: look, and sleep on the change feed when what was seen is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hathi.metadata.feed import Feed, Subscription
from hathi.versioning.errors import WaitEnded
from hathi.versioning.waiting import Cancelled, OnLeave, never

__all__ = ["Cancelled", "OnLeave", "WaitEnded", "listen", "never"]


class Pause:
    """Sleeps until something changed, or `timeout` seconds passed; WaitEnded when nobody waits any more.

    look: returns what a function sees, or what another waiter saw with the same key since this one was woken.
    """

    def __init__(self, feed: Feed, changes: Subscription, cancelled: Cancelled) -> None:
        self._feed = feed
        self._changes = changes
        self._cancelled = cancelled
        self.look = changes.look

    def __call__(self, timeout: float | None = None) -> set[str]:
        """Return the topics that were published meanwhile."""
        self._check()
        topics = self._changes.wait(timeout)
        self._check()
        return topics

    def _check(self) -> None:
        if self._cancelled() or self._feed.closed:
            raise WaitEnded


@contextmanager
def listen(feed: Feed, *names: str, cancelled: Cancelled = never, on_leave: OnLeave | None = None) -> Iterator[Pause]:
    """Collect topics for the block, and give it the way to sleep until there are some.

    cancelled: whether the client has left. on_leave: registers a call for the moment it leaves, so that a sleep ends
    then.
    """
    with feed.subscribe(*names) as changes:
        if on_leave is not None:
            on_leave(changes.wake)
        yield Pause(feed, changes, cancelled)
