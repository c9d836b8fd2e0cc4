"""A clock that moves when told to, and what the log has of background tasks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from background import background_log


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines():
    """Lines of the background tasks' log so far, as (text, whether a traceback follows)."""
    with background_log() as found:
        yield found
