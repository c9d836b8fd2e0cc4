"""What people ask about datums. Nothing here is stored twice: finished ones are read from the datum index of the
job's meta commit, those at hand from the job's datum sets, and SKIPPED is derived (the record was made by another
job).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hathi.model.pps import DatumInfo, DatumState
from hathi.model.references import Job
from hathi.versioning.store import Store


def list_datums(
    store: Store,
    job: Job,
    *,
    states: Sequence[DatumState] = (),
    after: str = "",
    number: int = 0,
    reverse: bool = False,
) -> Iterator[DatumInfo]:
    """Yield a job's datums by id. `after`: the pagination marker, a datum id; `number`: at most so many, 0 means all."""
    raise NotImplementedError


def preview(
    store: Store, input: Mapping[str, Any], *, project: str = "default", number: int = 0
) -> Iterator[DatumInfo]:
    """Yield the datums that a pipeline with this input (JSON form) would have on the present heads; state UNKNOWN."""
    raise NotImplementedError


def inspect(store: Store, job: Job, id: str) -> DatumInfo:
    """Return one datum of a job; NotFoundError."""
    raise NotImplementedError


def restart(store: Store, job: Job, filters: Sequence[str]) -> None:
    """Stop the datums at hand that hold every one of these paths or content hashes (hex), so that they are tried again."""
    raise NotImplementedError
