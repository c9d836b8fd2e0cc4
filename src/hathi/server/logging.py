"""The server's own log: one line an event on standard error, readable by default and JSON by flag."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

_RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what a call passes as `extra` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "severity": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {key: value for key, value in record.__dict__.items() if key not in _RESERVED}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class KeptLines(logging.Handler):
    """Keeps the server's lines where `pachctl logs` finds them, besides showing them on standard error."""

    def __init__(self, keep: Callable[[datetime, str], None]) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self._keep = keep

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, if the disk takes it: it is on standard error in any case."""
        with suppress(Exception):
            self._keep(datetime.fromtimestamp(record.created, UTC), self.format(record))


@contextmanager
def kept(keep: Callable[[datetime, str], None]) -> Iterator[None]:
    """Pass every line to `keep`, as long as the context lasts."""
    handler = KeptLines(keep)
    root = logging.getLogger("hathi")
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def configure(form: str) -> None:
    """Send the log to standard error in one of config.LOG_FORMATS."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger("hathi")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False
