"""What garbage collection needs of the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from hathi.model.packs import Catalogue, PackRecord


class GarbageLedger(Protocol):
    """The catalogue of packs as garbage collection changes it. Every method is a transaction of its own."""

    def catalogue(self, since: int = -1) -> Catalogue | None:
        """Return what is live; see `PackLedger`."""
        ...

    def begin(self) -> None:
        """Begin a collection: note every root that is named from now on, after doing what `give_up` does."""
        ...

    def give_up(self) -> None:
        """Take back what a collection that was cut off left: packs it condemned are in use, roots noted no longer."""
        ...

    def condemn(self, names: Sequence[str]) -> None:
        """Condemn packs: writers that begin from now on do not rely on what is in them. Unknown ones are left out."""
        ...

    def waiting_for(self) -> int:
        """Return how many packs are condemned that an upload or a reader may still need."""
        ...

    def named(self) -> Iterator[bytes]:
        """Yield every root that was named since `begin`."""
        ...

    def spare(self, names: Sequence[str]) -> None:
        """Take back that packs are condemned."""
        ...

    def droppable(self) -> list[PackRecord]:
        """Return the packs that are condemned and that no upload or reader can need any more."""
        ...

    def orphans(self, keys: Sequence[str]) -> list[str]:
        """Return those of some objects that the catalogue does not list and that nobody who lives can have written."""
        ...

    def end(self) -> None:
        """End the collection: roots are noted no longer."""
        ...
