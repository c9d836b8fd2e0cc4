"""What the log has of background tasks, for tests of those."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def background_log() -> Iterator[list[tuple[str, bool]]]:
    """Collect the lines that are warnings or worse, as (text, whether a traceback follows)."""
    found: list[tuple[str, bool]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append((record.getMessage(), bool(record.exc_info)))

    handler = Collect(logging.WARNING)
    logger = logging.getLogger("hathi.background")
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
