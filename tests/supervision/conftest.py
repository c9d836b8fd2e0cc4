"""A clock that moves when told to, and what the log has of background tasks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest


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
    found: list[tuple[str, bool]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append((record.getMessage(), bool(record.exc_info)))

    handler = Collect(logging.WARNING)
    logger = logging.getLogger("hathi.background")
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)
