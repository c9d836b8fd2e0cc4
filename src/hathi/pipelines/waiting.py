"""Waiting without asking again and again: look, and sleep on the change feed when what was seen is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from hathi.metadata.feed import Feed, Subscription
from hathi.versioning.errors import WaitEnded
from hathi.versioning.waiting import Cancelled, OnLeave, never

__all__ = ["Cancelled", "OnLeave", "WaitEnded", "listen", "never"]


class Pause(Protocol):
    """Sleeps until something changed, or `timeout` seconds passed; WaitEnded when nobody waits any more."""

    def __call__(self, timeout: float | None = None) -> set[str]:
        """Return the topics that were published meanwhile."""
        ...


@contextmanager
def listen(
    feed: Feed, *prefixes: str, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> Iterator[Pause]:
    """Collect topics for the block, and give it the way to sleep until there are some.

    cancelled: whether the client has left. on_leave: registers a call for the moment it leaves, so that a sleep ends
    then.
    """
    with feed.subscribe(*prefixes) as changes:
        if on_leave is not None:
            on_leave(changes.wake)
        yield _pause(feed, changes, cancelled)


def _pause(feed: Feed, changes: Subscription, cancelled: Cancelled) -> Pause:
    def pause(timeout: float | None = None) -> set[str]:
        if cancelled() or feed.closed:
            raise WaitEnded
        topics = changes.wait(timeout)
        if cancelled() or feed.closed:
            raise WaitEnded
        return topics

    return pause
