"""How workers get work: they claim a set of datums under a lease, beat while they work, and report once.

A claim lapses when its worker stops beating; the set then goes to whoever asks next. A report is taken exactly once, by its
claim id: packs, index and outcome are registered in one transaction, or none of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hathi.model.packs import PackRecord
from hathi.model.pps import DatumInput, Stats
from hathi.model.references import Job
from hathi.versioning.store import Store

CLAIM_SECONDS = 30.0
"""How long a claim lives after each beat: long enough for a worker that the machine starves, short enough to wait for."""


@dataclass(frozen=True, slots=True)
class Datum:
    """A datum to run: its id and hash (hex) and its inputs in order."""

    id: str
    hash: str
    inputs: tuple[DatumInput, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A set of datums that one worker may run now.

    id: names the claim in beats and in the report. seconds: it lapses so long after the last beat.
    roots: root of the tree (32 bytes) of each commit the inputs read, by the commit's text.
    datum_timeout: seconds an attempt may take, 0 means any.
    """

    id: str
    seconds: float
    job: Job
    version: int
    output_branch: str
    transform: Mapping[str, Any]
    datum_tries: int
    datum_timeout: float
    datums: tuple[Datum, ...]
    roots: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a beat. lost: the claim is no longer this worker's. cancelled: ids of datums to stop and try again."""

    lost: bool
    cancelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a claim.

    lease_id: the upload lease under which the packs were written. index: root of a tree, datum id -> record, 32 bytes.
    failed_datum, failed_reason: the first datum that failed. error: the set could not be run at all, and why.
    """

    claim_id: str
    worker: str
    lease_id: str = ""
    packs: Sequence[PackRecord] = ()
    index: bytes = b""
    processed: int = 0
    failed: int = 0
    recovered: int = 0
    stats: Stats = field(default_factory=Stats)
    failed_datum: str = ""
    failed_reason: str = ""
    error: str = ""


def claim(store: Store, group: str, worker: str, *, wait: float, cancelled: Callable[[], bool]) -> Claim | None:
    """Claim a datum set for a worker of `group` (a WorkerGroup key); None when none came up within `wait` seconds."""
    raise NotImplementedError


def beat(store: Store, claim_id: str, worker: str, *, datum: str = "", running_seconds: float = 0.0) -> Beat:
    """Keep a claim alive and record what its worker does now."""
    raise NotImplementedError


def report(store: Store, report: Report) -> bool:
    """Take the outcome of a claim; False when the claim had lapsed. A repeat answers as the first did."""
    raise NotImplementedError
