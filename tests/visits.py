"""What a statement costs on SQLite: steps of its virtual machine, which grow with the rows that it visits.

Unlike time they are the same on every machine, however busy. A thread-safe count of the whole engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from hathi.metadata.database import Database

GRAIN = 10
"""Steps between two calls of the counter."""


class Steps:
    """How many steps were taken so far, to the grain; and which statements ran."""

    def __init__(self) -> None:
        self.count = 0
        self.statements: list[str] = []


@contextmanager
def counting_steps(db: Database) -> Iterator[Steps]:
    """Count the steps of everything that runs on a SQLite database inside the block."""
    steps = Steps()

    def tick() -> int:
        steps.count += GRAIN
        return 0

    def checked_out(connection: Any, record: Any, proxy: Any) -> None:
        connection.set_progress_handler(tick, GRAIN)

    def checked_in(connection: Any, record: Any) -> None:
        if connection is not None:
            connection.set_progress_handler(None, 0)

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        steps.statements.append(statement)

    listeners = (("checkout", checked_out), ("checkin", checked_in), ("before_cursor_execute", note))
    for name, listener in listeners:
        event.listen(db.engine, name, listener)
    try:
        yield steps
    finally:
        for name, listener in listeners:
            event.remove(db.engine, name, listener)
