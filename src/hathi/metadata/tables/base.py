"""What every table shares: one `MetaData`, and column types that mean the same in SQLite and PostgreSQL.

A time is stored as microseconds since 1970 in UTC: an integer sorts, compares and comes back exactly as it went in, in
both databases. A choice (state, origin, kind) is stored as the number that the protocol gives it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of Hathi; names of constraints follow from their columns, so that a migration can name them."""

RowId = BigInteger().with_variant(Integer, "sqlite")
"""Type of a surrogate key. SQLite counts up by itself only in a column that is called INTEGER."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """A timezone-aware datetime in UTC, to the microsecond."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return microseconds since 1970."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Choice(TypeDecorator[Enum]):
    """A member of an `Enum` whose values are integers."""

    impl = Integer
    cache_ok = True

    def __init__(self, of: type[Enum]) -> None:
        super().__init__()
        self.of = of

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> int | None:
        """Return the member's number."""
        return None if value is None else int(value.value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Enum | None:
        """Return the member of that number."""
        return None if value is None else self.of(value)


class Json(TypeDecorator[Any]):
    """A JSON document, kept as compact text: nothing is ever searched inside it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the text, or None for None."""
        return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the document."""
        return None if value is None else json.loads(value)
