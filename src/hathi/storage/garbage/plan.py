"""What a collection is going to do, as a value: which packs go, which are rewritten, and what that frees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hathi.model.packs import PackRecord
from hathi.storage.chunks.packs import EMPTY_PACK_BYTES
from hathi.storage.garbage.marks import PackUse

MOSTLY_DEAD = 0.5
"""A pack is rewritten when less than this share of it is reached: each byte copied then frees at least one."""


@dataclass(frozen=True, slots=True)
class PackPlan:
    """A pack that a collection changes. used: stored bytes of it that are reached; chunks: as many as are reached."""

    name: str
    size: int
    used: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The packs that a collection changes, and the sums that tell why.

    drop: nothing in them is reached. rewrite: little is, which is copied first. packs: how many were looked at.
    stored: bytes of all of them. used: bytes of what is reached.
    """

    drop: tuple[PackPlan, ...]
    rewrite: tuple[PackPlan, ...]
    packs: int
    stored: int
    used: int

    @property
    def frees(self) -> int:
        """How many bytes less are stored when it is done."""
        return sum(pack.size for pack in self.drop) + sum(pack.size - pack.used for pack in self.rewrite)

    @property
    def unused(self) -> int:
        """Bytes that are not reached; those in packs that are mostly in use stay for now."""
        return self.stored - self.used


def make_plan(packs: Iterable[PackRecord], use: Mapping[str, PackUse], mostly_dead: float = MOSTLY_DEAD) -> Plan:
    """Decide what becomes of each pack. Pure.

    Args:
        packs: the packs to look at.
        use: what of each is reached; of one that is not there, nothing.
        mostly_dead: the share of reached bytes below which a pack is rewritten.
    """
    drop: list[PackPlan] = []
    rewrite: list[PackPlan] = []
    count = stored = used = 0
    for pack in sorted(packs, key=lambda pack: pack.name):
        found = use.get(pack.name, PackUse())
        line = PackPlan(pack.name, pack.size, found.size, found.chunks)
        count, stored, used = count + 1, stored + pack.size, used + found.size
        if not found.chunks:
            drop.append(line)
        elif found.size < (pack.size - EMPTY_PACK_BYTES) * mostly_dead:
            rewrite.append(line)
    return Plan(tuple(drop), tuple(rewrite), count, stored, used)
