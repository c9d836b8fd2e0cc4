"""How long to wait before what failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off.

    first: seconds after the first failure; doubled after each further one in a row.
    limit: most seconds between two tries.
    """

    first: float = 1.0
    limit: float = 60.0

    def seconds(self, failures: int) -> float:
        """Return how many seconds to wait after so many failures in a row (at least one)."""
        return min(self.first * 2.0 ** min(failures - 1, 64), self.limit)


PROMPT = Backoff(limit=10.0)
"""For the one cheap task that all others wait for, such as a reader of events: an outage must not outlast itself."""
