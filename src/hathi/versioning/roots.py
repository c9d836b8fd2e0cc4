"""Every place in the database that names the root of a tree: what garbage collection starts from.

Whoever adds a column that names roots registers a `RootSource` for it. A test compares the registered columns with the
tables, so that none can be forgotten.

The columns are read one after another, and rows are added and deleted meanwhile. A root that is written for the first
time is noted by the ledger. One that is copied from another row is not missed either, although that row may be deleted
before it is read: the copy is in the same column and has a greater key, or in a column that is registered later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import Column, FromClause, Row, Select, select, tuple_

from hathi.metadata.database import Database
from hathi.metadata.tables.pfs import commits, runs

PAGE = 1000
"""Rows that are read in one transaction, so that no transaction is long."""


class RootSource:
    """A column that names roots, read in pages by primary key."""

    def __init__(
        self,
        column: Column[Any],
        also: Iterable[Column[Any]] = (),
        roots: Callable[[Row[Any]], Iterable[bytes]] | None = None,
        page: int = PAGE,
        within: FromClause | None = None,
    ) -> None:
        """Describe a column.

        Args:
            column: the column. Rows in which it is null name nothing.
            also: other columns of the row that `roots` needs.
            roots: returns the roots that a row names; None: the column itself is one.
            page: rows to read in one transaction.
            within: the column's table, joined with those of `also`; None: the table itself.
        """
        self.column = column
        self._roots = roots or _itself
        self._page = page
        self._key = list(column.table.primary_key.columns)
        plain: Select[Any] = select(column, *also, *self._key).where(column.is_not(None))
        if within is not None:
            plain = plain.select_from(within)
        self._statement = plain.order_by(*self._key).limit(page)

    def __repr__(self) -> str:
        return f"RootSource({self.column})"

    def read(self, database: Database) -> Iterator[bytes]:
        """Yield every root that the column names. Rows that are added meanwhile may be missing."""
        after: tuple[Any, ...] | None = None
        while True:
            statement = self._statement
            if after is not None:
                statement = statement.where(tuple_(*self._key) > after)
            with database.read() as tx:
                rows = tx.connection.execute(statement).all()
            for row in rows:
                yield from self._roots(row)
            if len(rows) < self._page:
                return
            after = tuple(rows[-1][-len(self._key) :])


class Roots:
    """All places that name roots. Filled while the program is put together, read-only afterwards."""

    def __init__(self) -> None:
        self._sources: list[RootSource] = [RootSource(commits.c.root), RootSource(runs.c.root)]

    def register(self, source: RootSource) -> None:
        """Take what this column names into account."""
        self._sources.append(source)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are read, as `table.column`."""
        return frozenset(str(source.column) for source in self._sources)

    def read(self, database: Database) -> Iterator[bytes]:
        """Yield every root that is named, some of them several times."""
        for source in self._sources:
            yield from source.read(database)


def _itself(row: Row[Any]) -> Iterable[bytes]:
    root: bytes = row[0]
    return (root,)
