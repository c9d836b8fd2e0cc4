"""What of a plan stands in datum sets already: because it was planned early, or by somebody who died meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from hathi.storage.filesets.datums import key_of


class Ids:
    """A set of datum ids, of 32 bytes each and no more: a million of them fit in memory."""

    _WIDTH = 32

    def __init__(self, ordered: Iterable[str]) -> None:
        """ordered: ids in hex, ascending."""
        self._keys = b"".join(map(key_of, ordered))

    def __len__(self) -> int:
        return len(self._keys) // self._WIDTH

    def __contains__(self, id: str) -> bool:
        key = key_of(id)
        place = bisect_left(range(len(self)), key, key=self._at)
        return place < len(self) and self._at(place) == key

    def _at(self, place: int) -> bytes:
        return self._keys[place * self._WIDTH : (place + 1) * self._WIDTH]


@dataclass(frozen=True, slots=True)
class Written:
    """sets: how many there are. runs: how many datums in them are to be run. ids: of all their datums."""

    sets: int
    runs: int
    ids: Ids
