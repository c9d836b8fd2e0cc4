"""The words that storage and metadata share, although neither knows the other.

Chunks are stored in packs. The database names the packs and pack indexes that are live, never chunks. Storage follows
that list through the `PackLedger` protocol, which `metadata` satisfies (and, for workers, the API).

How packs go away, in words used everywhere:

- The *catalogue* is the list of packs and pack indexes. Each change makes a new version of it; each row carries the
  version in which it changed last, so that a reader asks for what changed since the version it knows.
- A *holder* is one life of a process that reads or writes chunks: of pachd or of a worker. Its record in the database
  lives by heartbeats. The keys of packs contain the holder's id, so that packs of live holders that are not registered
  yet are told apart from those of dead ones.
- A *pin* says that an upload or a reader of a holder works with the catalogue as of some version.
- A pack is *condemned* at a version: from then on a writer does not rely on it, while readers still may use it. When
  every pin is at that version or later, it can be dropped. It is *superseded* when all its chunks are stored in other
  live packs too; then it may be dropped at once, since a reader that misses it finds the chunks elsewhere.
- A pack that is *gone* has only its row left for a while, so that others learn of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Protocol

from hathi.model.errors import ConflictError

PACKS = "packs/"
"""What the keys of packs begin with: `packs/<2 hex digits>/<holder>-<8 hex digits>-<number>`."""

INDEXES = "indexes/"
"""What the keys of pack indexes begin with: `indexes/<holder>-<8 hex digits>-<number>`."""


def holder_of(key: str) -> str:
    """Return the id of the holder that wrote a pack or an index, given its key.

    >>> holder_of("packs/3f/75da09c2-81e0a7d4-12")
    '75da09c2'
    """
    return key.rpartition("/")[2].partition("-")[0]


class LeaseLapsed(ConflictError):
    """The process that wrote was taken for dead: what it wrote may be deleted already, so it may not be named."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"the process that wrote this (holder {holder}) was out of touch for too long and its upload was "
            f"discarded; write again"
        )
        self.holder = holder


@dataclass(frozen=True, slots=True)
class PackRecord:
    """A pack object that is durable.

    name: the object's key.
    size: of the object, in bytes.
    chunks: how many chunks it holds.
    """

    name: str
    size: int
    chunks: int


@dataclass(frozen=True, slots=True)
class PackState:
    """A pack as the catalogue lists it.

    condemned: version of the catalogue in which it was condemned, None while it is in use.
    superseded: all its chunks are stored in other live packs too.
    gone: it was dropped; its object is deleted, or about to be.
    """

    name: str
    size: int
    chunks: int
    condemned: int | None = None
    superseded: bool = False
    gone: bool = False

    @property
    def record(self) -> PackRecord:
        """What was registered."""
        return PackRecord(self.name, self.size, self.chunks)


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """A merged index object: says where the chunks of several packs are. The object itself lists the packs.

    gone: it was replaced by another.
    """

    name: str
    size: int
    chunks: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What changed in the list of packs and pack indexes up to `version`.

    since: the version from which on changes are listed; -1: everything live is listed, and what is not is gone.
    """

    version: int
    packs: tuple[PackState, ...] = ()
    indexes: tuple[IndexRecord, ...] = ()
    since: int = -1

    def __str__(self) -> str:
        what = "all" if self.since < 0 else f"changes since {self.since}"
        return f"catalogue at {self.version} ({what}): {len(self.packs)} packs, {len(self.indexes)} indexes"


@dataclass(frozen=True, slots=True)
class Usage:
    """What is stored, and what garbage collection would do about it.

    stored: bytes of all packs, as they are now.
    logical: bytes of the files of all commits, each counted whole, when it was last measured.
    unused: about how many of the stored bytes a collection would free.
    changed: whether anything was written or deleted since it was last measured.
    measured: when; None when it never was.
    """

    stored: int = 0
    logical: int = 0
    unused: int = 0
    changed: bool = False
    measured: datetime | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """The root of a tree that a transaction names. kind: the schema of the tree: `files`, `run` or `datums`."""

    kind: str
    hash: bytes


class Writer(Protocol):
    """What a transaction needs to know of the upload whose packs it registers."""

    @property
    def holder(self) -> str:
        """The id of the holder that wrote."""
        ...

    def named(self, packs: Sequence[PackRecord]) -> None:
        """Hear that the transaction that registered `packs` has committed."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteWriter:
    """An upload of another process, of which only the holder is known."""

    holder: str

    def named(self, packs: Sequence[PackRecord]) -> None:
        """The other process learns of it by the answer to its call."""


class Pin:
    """The promise that what was live at `version` stays readable. A context manager; ends with its last reference."""

    __slots__ = ("_pins", "_token")

    def __init__(self, pins: Pins, token: int) -> None:
        self._pins = pins
        self._token = token

    def raise_to(self, version: int) -> None:
        """Give up what was condemned up to `version`: the holder of the pin has heard of all of it."""
        self._pins.raise_to(self._token, version)

    def release(self) -> None:
        """End the promise. Does nothing the second time."""
        self._pins.release(self._token)

    def __enter__(self) -> Pin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class Pins:
    """The pins of one process. Thread-safe.

    No lock guards them, since a pin may end at any moment, with the object that holds it. None is needed: whoever holds
    a pin relies on nothing that he looked up before, so a pin that is overlooked while it is being made has relied on
    nothing yet.
    """

    def __init__(self) -> None:
        self._held: dict[int, int] = {}  # token -> version
        self._tokens = count()
        self._floor = -1

    def __repr__(self) -> str:
        return f"Pins({len(self._held)} held, floor {self._floor})"

    def hold(self) -> Pin:
        """Pin the newest version of the catalogue that this process has heard of.

        Must come before the first look at what is to be read, that is before the transaction that tells a root. Who
        relies on chunks without reading them refreshes his list of packs afterwards, and may then raise the pin.
        """
        token = next(self._tokens)
        self._held[token] = self._floor
        return Pin(self, token)

    def raise_to(self, token: int, version: int) -> None:
        """See `Pin.raise_to`."""
        if self._held.get(token, version) < version:
            self._held[token] = version

    def release(self, token: int) -> None:
        """See `Pin.release`."""
        self._held.pop(token, None)

    def heard(self, version: int) -> None:
        """Note that the catalogue has reached `version`: later pins will not ask for anything older."""
        self._floor = max(self._floor, version)

    def held(self) -> int | None:
        """Return the oldest version that is pinned now, None when none is."""
        return min(self._held.copy().values(), default=None)

    def oldest(self) -> int:
        """Return the oldest version that a pin of this process has, or may ask for from now on."""
        return min(self._held.copy().values(), default=self._floor)


@dataclass(frozen=True, slots=True)
class Holder:
    """The record of one life of a process that reads or writes chunks.

    id: 32 hex digits.
    seconds: how long the record lives without a heartbeat.
    version: of the catalogue, at this moment.
    """

    id: str
    seconds: float
    version: int


class PackLedger(Protocol):
    """Which packs are live, for all who read and write. Every method is safe to call from any thread and to repeat."""

    @property
    def pins(self) -> Pins:
        """What uploads and readers of this process hold."""
        ...

    def holder(self) -> str:
        """Return the id of this life of the process, beginning it if need be."""
        ...

    def alive(self, holder: str) -> bool:
        """Return whether `holder` is this life still, as far as this process knows; asks nobody."""
        ...

    def catalogue(self, since: int = -1) -> Catalogue | None:
        """Return what changed after version `since` (-1: all that is live), or None when nothing did."""
        ...

    def unregistered(self, names: Sequence[str]) -> list[str]:
        """Return those of some packs that no transaction has registered; certain when their upload has ended.

        Where it is not certain, none is returned.
        """
        ...


class MaintenanceLedger(PackLedger, Protocol):
    """What the server's process needs in addition, which alone merges and drops packs."""

    def merged(self, index: IndexRecord, replaces: Sequence[str]) -> None:
        """Record a merged index, which replaces the older indexes named."""
        ...

    def rewritten(self, writer: Writer, packs: Sequence[PackRecord], sources: Sequence[str], superseded: bool) -> bool:
        """Register packs and condemn the sources they were made from, at once; False when a source is not live now.

        superseded: every chunk of the sources is in `packs`.
        """
        ...

    def superseded(self) -> list[str]:
        """Return superseded packs, which may be dropped."""
        ...

    def drop(self, names: Iterable[str]) -> list[str]:
        """Take packs out of the catalogue; return those that were condemned, whose objects can be deleted now."""
        ...
