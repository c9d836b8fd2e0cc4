"""What is remembered of a datum: one value in the datum index, the tree that a job's meta commit names.

The index is read and written a million values at a time, and its interior nodes count datums by outcome. An encoded
record therefore leads with one byte for its state, which is all that counting needs, and goes on as a compact JSON
list. Changing the list's order or the byte's meaning changes the stored format.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumInput, DatumState, Stats
from hathi.model.references import Commit, Repo

MEASURES = ("count", "success", "failed", "recovered")
"""What the interior nodes of a datum index sum up, in the order of `measures`."""

_COUNTED = {
    DatumState.SUCCESS.value: (1, 1, 0, 0),
    DatumState.FAILED.value: (1, 0, 1, 0),
    DatumState.RECOVERED.value: (1, 0, 0, 1),
}
_UNDECIDED = (1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class DatumRecord:
    """A datum as a job left it.

    id, hash: see `model.identity`. state: SUCCESS, FAILED or RECOVERED; SKIPPED is never stored: to a job other than
    `job`, a success counts as skipped.
    job: id of the job that ran it.
    inputs: what it reads, in the spec's order, when that is little.
    input_root: root of the input tree, when it is much; b"" otherwise. See `storage.filesets.datum_inputs`.
    outputs: path and encoded content of each file it wrote, sorted by path, when they are few.
    output_root: root of the file tree of what it wrote, when they are many; b"" otherwise.
    reason: why it failed. attempts: how often it was tried. image: what it ran in. index: its place in the job's order.
    """

    id: str
    hash: str
    state: DatumState
    job: str
    inputs: tuple[DatumInput, ...] = ()
    outputs: tuple[tuple[str, bytes], ...] = ()
    output_root: bytes = b""
    stats: Stats = field(default_factory=Stats)
    reason: str = ""
    attempts: int = 0
    image: str = ""
    index: int = 0
    input_root: bytes = b""

    def encode(self) -> bytes:
        """Return the stored form."""
        fields = [
            self.id,
            self.hash,
            self.job,
            [_pack_input(source) for source in self.inputs],
            _text(self.input_root),
            [[path, _text(content)] for path, content in self.outputs],
            _text(self.output_root),
            _pack_stats(self.stats),
            self.reason,
            self.attempts,
            self.image,
            self.index,
        ]
        return bytes([self.state.value]) + json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()

    @staticmethod
    def decode(data: bytes) -> DatumRecord:
        """Return the record that `encode` made `data` from."""
        id, hash, job, inputs, input_root, outputs, *rest = json.loads(data[1:])
        output_root, stats, reason, attempts, image, index = rest
        return DatumRecord(
            id=id,
            hash=hash,
            state=DatumState(data[0]),
            job=job,
            inputs=tuple(_unpack_input(source) for source in inputs),
            input_root=_bytes(input_root),
            outputs=tuple((path, _bytes(content)) for path, content in outputs),
            output_root=_bytes(output_root),
            stats=Stats(*stats),
            reason=reason,
            attempts=attempts,
            image=image,
            index=index,
        )


def measures(encoded: bytes) -> tuple[int, int, int, int]:
    """Return what an encoded record adds to the sums named in MEASURES, without decoding it."""
    return _COUNTED.get(encoded[0], _UNDECIDED)


def encode_input(source: DatumInput) -> bytes:
    """Return the stored form of one input, as it is in an input tree."""
    return json.dumps(_pack_input(source), separators=(",", ":"), ensure_ascii=False).encode()


def decode_input(data: bytes) -> DatumInput:
    """Return the input that `encode_input` made `data` from."""
    return _unpack_input(json.loads(data))


def _pack_stats(stats: Stats) -> list[float]:
    """Return the fields in their order; by name, since `astuple` copies deeply and took half the time of encoding."""
    return [
        stats.download_seconds,
        stats.process_seconds,
        stats.upload_seconds,
        stats.download_bytes,
        stats.upload_bytes,
    ]


def _pack_input(source: DatumInput) -> list[Any]:
    repo = source.commit.repo
    return [
        source.name,
        [repo.project, repo.name, repo.type, source.commit.id],
        source.branch,
        source.path,
        _text(source.hash),
        source.size,
        source.join_on,
        source.group_by,
        source.lazy,
        source.empty_files,
    ]


def _unpack_input(fields: list[Any]) -> DatumInput:
    name, (project, repo, kind, id), branch, path, hash, *rest = fields
    return DatumInput(name, Commit(Repo(project, repo, kind), CommitSetId(id)), branch, path, _bytes(hash), *rest)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
