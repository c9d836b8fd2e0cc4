"""The datum index: a tree from datum id to the encoded record of what became of that datum (`model.records`).

Keys are the 32 bytes that a datum id spells in hex; interior nodes count datums by outcome, so that a job's counters
and the search for its failed datums cost what they find. Workers write such a tree for each set they ran; pipelines
fold these into the tree that a job's meta commit names.
"""

from __future__ import annotations

from hathi.model import records
from hathi.storage.filesets.node import Schema


class DatumSchema(Schema):
    """Measures are those of `model.records.MEASURES`: count, success, failed, recovered."""

    name = "datums"
    width = len(records.MEASURES)

    def measure(self, key: bytes, value: bytes) -> tuple[int, ...]:
        """Return what one record adds to the counts."""
        return records.measures(value)


DATUMS = DatumSchema()


def key_of(id: str) -> bytes:
    """Return the key of the datum with that id (64 hex digits)."""
    return bytes.fromhex(id)


def id_of(key: bytes) -> str:
    """Return the id of the datum with that key."""
    return key.hex()
