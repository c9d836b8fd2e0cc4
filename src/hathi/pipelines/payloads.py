"""What stands in the row of a datum set, as compressed lines: datums to run, or ids of records to drop or to adopt.

Lines are in the order of datum ids, so that many sets can be merged by id; they are read one after the other, so that
doing so holds no set in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hathi.metadata.tables.pps import SetKind
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.pipelines.planning.steps import Adopt, Drop, Run
from hathi.storage.chunks.interface import NodeStore
from hathi.storage.filesets.datum_inputs import fit_inline, store_inputs, trees_of
from hathi.storage.filesets.datums import DATUMS
from hathi.storage.filesets.node import Schema

_LEVEL = 1  # paths of neighbours are much alike: the fastest level already shrinks them tenfold
_PIECE_BYTES = 64 << 10


def need_trees(runs: Iterable[Run]) -> bool:
    """Return whether any of these datums has more inputs than a record holds, so that packing them stores trees."""
    return not all(fit_inline(run.inputs) for run in runs)


def pack_runs(job: str, runs: Sequence[Run], first: int, store: NodeStore | None) -> bytes:
    """Return the payload of datums to run.

    Args:
        first: The place of the first one in the job's order.
        store: Takes the inputs of datums with many; may be None where none `need_trees`.
    """
    records = (_record(job, run, first + place, store) for place, run in enumerate(runs))
    return _pack(record.encode() for record in sorted(records, key=lambda record: record.id))


def unpack_runs(payload: bytes) -> Iterator[DatumRecord]:
    """Yield the datums to run, as records of state UNKNOWN, by id."""
    return map(DatumRecord.decode, _lines(payload))


def find_run(payload: bytes, id: str) -> DatumRecord | None:
    """Return the record of one datum to run, None when it is not there; no other one is decoded."""
    encoded = id.encode()
    found = (line for line in _lines(payload) if encoded in line[: len(encoded) + 8])
    return next((record for record in map(DatumRecord.decode, found) if record.id == id), None)


def ids_of(kind: SetKind, payload: bytes) -> Iterator[str]:
    """Yield the ids of the datums of a set, in order."""
    if kind is SetKind.RUN:
        return (record.id for record in unpack_runs(payload))
    return unpack_drops(payload) if kind is SetKind.DROP else (id for id, _ in unpack_adopts(payload))


def trees_in(kind: SetKind, payload: bytes) -> Iterator[tuple[Schema, bytes]]:
    """Yield schema and root of each tree that a set refers to; garbage collection keeps what they reach."""
    if kind is SetKind.RUN:
        for record in unpack_runs(payload):
            yield from trees_of(record)
    elif kind is SetKind.ADOPT:
        for root in dict.fromkeys(root for _, root in unpack_adopts(payload)):
            yield DATUMS, root


def pack_drops(drops: Sequence[Drop]) -> bytes:
    """Return the payload of ids whose records go."""
    return _pack(sorted(drop.id.encode() for drop in drops))


def unpack_drops(payload: bytes) -> Iterator[str]:
    """Yield the ids, in order."""
    return map(bytes.decode, _lines(payload))


def pack_adopts(adopts: Sequence[Adopt]) -> bytes:
    """Return the payload of ids whose records are taken over, each with the root of the index it is in."""
    return _pack(sorted(f"{adopt.id} {adopt.source.hex()}".encode() for adopt in adopts))


def unpack_adopts(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield pairs of id and root, by id."""
    for line in _lines(payload):
        id, root = line.decode().split(" ")
        yield id, bytes.fromhex(root)


def _record(job: str, run: Run, index: int, store: NodeStore | None) -> DatumRecord:
    record = DatumRecord(run.id, run.hash, DatumState.UNKNOWN, job, run.inputs, index=index)
    if store is None or fit_inline(run.inputs):
        return record
    return replace(record, inputs=(), input_root=store_inputs(store, run.inputs))


def _pack(lines: Iterable[bytes]) -> bytes:
    return zlib.compress(b"\n".join(lines), _LEVEL)


def _lines(payload: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    rest = b""
    while payload:
        *whole, rest = (rest + unpacker.decompress(payload, _PIECE_BYTES)).split(b"\n")
        payload = unpacker.unconsumed_tail
        yield from whole
    rest += unpacker.flush()
    yield from rest.split(b"\n")
