"""Reading long lists: page by page, each in a short transaction of its own, and IN lists that fit into a statement.

A list that a slow client takes an hour to read must neither stand in memory nor keep a transaction open for that hour.
So a page begins where the one before ended (by a key, not by a count), and whoever comes to the next page sees the
state of that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from hathi.metadata.database import Database
from hathi.metadata.transaction import Transaction

Item = TypeVar("Item")
After = TypeVar("After")
Value = TypeVar("Value")

PAGE = 100
"""Items read in one transaction."""

MOST_PARAMETERS = 500
"""Values in one IN list; SQLite takes 32,766 parameters in a statement, older ones 999, PostgreSQL 65,535."""


def stream(
    db: Database, read: Callable[[Transaction, After | None], tuple[Sequence[Item], After | None]]
) -> Iterator[Item]:
    """Yield the items of all pages.

    read: returns a page that begins behind a key (None: the first page), and the key where the next one begins (None:
    there is none). A page may be empty and still have a next one.
    """
    after: After | None = None
    while True:
        with db.read() as tx:
            items, after = read(tx, after)
        yield from items
        if after is None:
            return


def batched(values: Iterable[Value]) -> Iterator[list[Value]]:
    """Yield `values` in lists that fit into one IN list."""
    every = iter(values)
    while batch := list(islice(every, MOST_PARAMETERS)):
        yield batch
