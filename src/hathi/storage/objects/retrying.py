"""Asking again when a store was only unavailable.

The problem: a service that fails now and then must not fail a job. The rule: `StorageUnavailable` is tried again, after
pauses that grow and differ between clients, so that these do not all come back at once; every other error is final. All
calls may be repeated: a put of what is stored and a delete of nothing do nothing. Only a put of a one-shot iterator
cannot be: it is tried once, and callers who care hand over something that can be iterated again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from hathi.storage.objects.interface import ObjectStore, StorageUnavailable

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try, in all, and how long to pause before the second try; each further pause is twice as long.

    first_pause, longest_pause: seconds. jitter: gives the share of a pause that is taken, from 0 to 1.
    """

    tries: int = 6
    first_pause: float = 0.2
    longest_pause: float = 10.0
    jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0)

    def pause(self, failures: int) -> float:
        """Return how many seconds to wait after so many failures."""
        return float(min(self.first_pause * 2 ** (failures - 1), self.longest_pause) * self.jitter())


class RetryingStore:
    """An object store that tries again."""

    def __init__(
        self, inner: ObjectStore, patience: Patience | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """sleep: waits for that many seconds."""
        self._inner = inner
        self._patience = patience or Patience()
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"RetryingStore({self._inner!r}, {self._patience.tries} tries)"

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """See `ObjectStore`."""
        if isinstance(data, Iterator):
            return self._inner.put(key, data)
        return self._again(lambda: self._inner.put(key, data))

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore`."""
        return self._again(lambda: self._inner.get(key, offset, length))

    def size(self, key: str) -> int:
        """See `ObjectStore`."""
        return self._again(lambda: self._inner.size(key))

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        self._again(lambda: self._inner.delete(key))

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore`. The listing is read whole: one that fails half-way begins anew."""
        return iter(self._again(lambda: list(self._inner.list(prefix))))

    def location(self) -> str:
        """See `ObjectStore`."""
        return self._inner.location()

    def _again(self, call: Callable[[], Result]) -> Result:
        failures = 0
        while True:
            try:
                return call()
            except StorageUnavailable:
                failures += 1
                if failures >= self._patience.tries:
                    raise
                self._sleep(self._patience.pause(failures))
