"""One look for many who want to see the same: three hundred subscribers of a repo cost one query, not three hundred.

A look may be shared with whoever has heard of nothing that was published after the look began.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Seen = TypeVar("Seen")

KEPT = 64
"""Looks remembered; each is wanted for a moment only, by those who were woken together."""


class _Look:
    """A look that is going on or over. began: what was published when it began."""

    def __init__(self, began: int) -> None:
        self.began = began
        self.over = threading.Event()
        self.failed = False
        self.seen: Any = None


class SharedLooks:
    """Looks by key. Thread-safe. published: tells how often something was published so far."""

    def __init__(self, published: Callable[[], int]) -> None:
        self._published = published
        self._lock = threading.Lock()
        self._looks: OrderedDict[Hashable, _Look] = OrderedDict()

    def get(self, key: Hashable, heard: int, look: Callable[[], Seen]) -> Seen:
        """Return what `look` returns, or what a look of that key saw which began no sooner than `heard`.

        What one look raises is raised to its own caller only; the others look themselves.
        """
        with self._lock:
            known = self._looks.get(key)
            if known is None or known.began < heard:
                known, mine = _Look(self._published()), True
                self._looks[key] = known
                self._looks.move_to_end(key)
                while len(self._looks) > KEPT:
                    self._looks.popitem(last=False)
            else:
                mine = False
        if mine:
            return self._run(key, known, look)
        known.over.wait()
        if known.failed:
            return look()
        seen: Seen = known.seen
        return seen

    def _run(self, key: Hashable, mine: _Look, look: Callable[[], Seen]) -> Seen:
        try:
            seen = look()
            mine.seen = seen
            return seen
        except BaseException:
            mine.failed = True
            with self._lock:
                if self._looks.get(key) is mine:
                    del self._looks[key]
            raise
        finally:
            mine.over.set()
