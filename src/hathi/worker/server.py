"""All that a worker asks of the server, as plain values: the border that tests replace and `remote` fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hathi.model.errors import HathiError
from hathi.model.packs import PackRecord
from hathi.model.pps import DatumInput, Stats


@dataclass(frozen=True, slots=True)
class Datum:
    """A datum to run.

    id, hash: in hex. inputs, input_root: as `model.records` has them. index: its place in the job's order.
    """

    id: str
    hash: str
    inputs: tuple[DatumInput, ...]
    input_root: bytes = b""
    index: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A set of datums that is this worker's for now.

    seconds: it lapses so long after the last beat. transform: the spec's, snake_case. timeout: seconds for each
    attempt, 0 for any. roots: root of each input commit's file tree, by the commit's text. objects: folder of the
    object store when it is a local one, else "". datum_set: number of the set in its job.
    """

    id: str
    seconds: float
    project: str
    pipeline: str
    job: str
    transform: Mapping[str, Any]
    tries: int
    timeout: float
    datums: tuple[Datum, ...]
    roots: Mapping[str, bytes]
    objects: str = ""
    datum_set: int = 0


class ClaimUnreadable(HathiError):
    """A claim was given to this worker, which cannot read it: the set must be handed back, with the reason."""

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(f"the claimed set cannot be read: {reason}")
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a beat. lost: the claim is somebody else's. cancelled: ids of datums to stop and try again."""

    lost: bool = False
    cancelled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a claim.

    index: root of a tree, datum id -> record. error: it could not be run at all, and why. image: what user code ran in.
    """

    claim: str
    holder: str = ""
    packs: Sequence[PackRecord] = ()
    index: bytes = b""
    processed: int = 0
    failed: int = 0
    recovered: int = 0
    stats: Stats = field(default_factory=Stats)
    failed_datum: str = ""
    failed_reason: str = ""
    error: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. time_ns: since the epoch. user: user code wrote it, not the worker. datum_set: the datum's set."""

    time_ns: int
    message: str
    job: str = ""
    datum: str = ""
    attempt: int = 0
    user: bool = False
    stderr: bool = False
    datum_set: int = 0


class Server(Protocol):
    """Safe to call from any thread. Raises UnavailableError while the server does not answer."""

    def claim(self, wait: float) -> Claim | None:
        """Return a set of datums, or None when there was none for `wait` seconds. Raises ClaimUnreadable."""
        ...

    def beat(self, claim: str, datum: str, running: float) -> Beat:
        """Keep a claim alive; `datum` is at hand since `running` seconds, "" when none is."""
        ...

    def report(self, report: Report) -> bool:
        """End a claim; False when it had lapsed. Repeating it is safe."""
        ...

    def append_logs(self, project: str, pipeline: str, lines: Sequence[LogLine]) -> None:
        """Store lines in order."""
        ...
