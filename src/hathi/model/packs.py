"""The words that storage and metadata share, although neither knows the other.

Chunks stand in packs. The database names the packs and pack indexes that are live, never chunks; storage asks for that
list, and for leases, through the `PackLedger` protocol, which `metadata` satisfies (and, for workers, the API).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hathi.model.errors import ConflictError


class LeaseLapsed(ConflictError):
    """A writer was silent for longer than its lease: what it wrote may be collected, so it may not be named."""

    def __init__(self, lease: str) -> None:
        super().__init__(f"upload {lease} was silent for too long and has lapsed; write again")
        self.lease = lease


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
class IndexRecord:
    """A merged index object: says where the chunks of several packs stand.

    packs: names of the packs it covers; their own trailers need not be read.
    """

    name: str
    size: int
    chunks: int
    packs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is live. `version` grows with every change, so that a reader can ask whether it missed something."""

    version: int
    packs: tuple[PackRecord, ...]
    indexes: tuple[IndexRecord, ...]
    condemned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lease:
    """A writer's upload record: while it lives, nothing the writer looked up or wrote is collected.

    id: 32 hex digits; the names of the packs written under it start with it.
    seconds: how long it lives after each renewal.
    """

    id: str
    seconds: float


class PackLedger(Protocol):
    """Which packs are live or leased. Every method is safe to call from any thread and to repeat."""

    def catalogue(self, newer_than: int = -1) -> Catalogue | None:
        """Return what is live, or None when nothing changed since version `newer_than`."""
        ...

    def open_lease(self) -> Lease:
        """Record that a writer begins; it must come before the writer's first look-up."""
        ...

    def renew_lease(self, id: str) -> bool:
        """Extend a lease; False when it has lapsed already, and with it the right to name what was written."""
        ...

    def end_lease(self, id: str) -> None:
        """Forget a lease; packs written under it that nothing names become garbage."""
        ...

    def merged(self, index: IndexRecord, replaces: Sequence[str]) -> None:
        """Record a merged index that covers its packs and replaces the older indexes named."""
        ...
