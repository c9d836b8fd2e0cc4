"""What stands in the row of a datum set, as compressed lines: datums to run, or ids of records to drop or to adopt."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.pipelines.planning.steps import Adopt, Drop, Run

_LEVEL = 1  # paths of neighbours are much alike: the fastest level already shrinks them tenfold


def pack_runs(job: str, runs: Sequence[Run], first: int) -> bytes:
    """Return the payload of datums to run; `first` is the place of the first one in the job's order."""
    records = (
        DatumRecord(run.id, run.hash, DatumState.UNKNOWN, job, run.inputs, index=first + place)
        for place, run in enumerate(runs)
    )
    return zlib.compress(b"\n".join(record.encode() for record in records), _LEVEL)


def unpack_runs(payload: bytes) -> list[DatumRecord]:
    """Return the datums to run, as records of state UNKNOWN, in order."""
    return [DatumRecord.decode(line) for line in zlib.decompress(payload).split(b"\n")]


def pack_drops(drops: Sequence[Drop]) -> bytes:
    """Return the payload of ids whose records go."""
    return _pack_ids(sorted(drop.id for drop in drops))


def unpack_drops(payload: bytes) -> list[str]:
    """Return the ids, sorted."""
    return _unpack_lines(payload)


def pack_adopts(adopts: Sequence[Adopt]) -> bytes:
    """Return the payload of ids whose records are taken over, each with the root of the index it is in."""
    return _pack_ids(sorted(f"{adopt.id} {adopt.source.hex()}" for adopt in adopts))


def unpack_adopts(payload: bytes) -> list[tuple[str, bytes]]:
    """Return pairs of id and root, sorted by id."""
    pairs = (line.split(" ") for line in _unpack_lines(payload))
    return [(id, bytes.fromhex(root)) for id, root in pairs]


def _pack_ids(lines: Sequence[str]) -> bytes:
    return zlib.compress("\n".join(lines).encode(), _LEVEL)


def _unpack_lines(payload: bytes) -> list[str]:
    return zlib.decompress(payload).decode().split("\n")
