"""The datum index as pipelines read it: records by id, those that did not succeed, and counts."""

from __future__ import annotations

from collections.abc import Iterator

from hathi.model.records import DatumRecord
from hathi.storage.chunks.interface import NodeReader
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of
from hathi.storage.filesets.node import EMPTY_ROOT

__all__ = ["EMPTY_ROOT", "DatumIndex"]


class DatumIndex:
    """One datum index, named by its root. Reading takes any store of nodes."""

    def __init__(self, store: NodeReader, root: bytes) -> None:
        self.store = store
        self.root = root

    def get(self, id: str) -> DatumRecord | None:
        """Return the record of a datum, or None."""
        data = self.encoded(id)
        return None if data is None else DatumRecord.decode(data)

    def encoded(self, id: str) -> bytes | None:
        """Return the encoded record of a datum, or None."""
        return tree.get(DATUMS, self.store, self.root, key_of(id))

    def records(self, after: str = "", *, reverse: bool = False) -> Iterator[DatumRecord]:
        """Yield the records by id; with `after` only those behind that id, in the direction of reading."""
        start = key_of(after) + b"\0" if after and not reverse else b""
        stop = key_of(after) if after and reverse else None
        for _, data in tree.scan(DATUMS, self.store, self.root, start, stop, reverse):
            yield DatumRecord.decode(data)

    def unsuccessful(self) -> Iterator[DatumRecord]:
        """Yield the records of datums that failed or recovered, reading only where there are some."""
        for _, data in tree.select(DATUMS, self.store, self.root, lambda sums: sums[2] > 0 or sums[3] > 0):
            yield DatumRecord.decode(data)

    @property
    def count(self) -> int:
        """How many datums it holds."""
        return self._sums()[0]

    @property
    def successful(self) -> int:
        """How many of them succeeded."""
        return self._sums()[1]

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return self._sums()[2]

    def _sums(self) -> tuple[int, ...]:
        return tree.measure(DATUMS, self.store, self.root)
