"""What the datums that log lines are about read: looked up when lines are read, since lines name their datums only.

The record of a datum is in its job's index once that has ended, and in the payload of its set until then; the line
tells which set.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from hathi.model.batching import batches
from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumInput, LogMessage
from hathi.model.records import DatumRecord
from hathi.model.references import Job, Pipeline
from hathi.pipelines import payloads
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.rows import jobs, sets
from hathi.storage.filesets.datum_inputs import inputs_of
from hathi.storage.filesets.nodes import reading
from hathi.versioning.store import Store

SHOWN_BYTES = 32 << 10
"""Bytes of paths and hashes that stand in one line's message."""

_KEPT = 2_000
"""Datums whose records are remembered; lines of one come together."""


class LogInputs:
    """Looks up inputs for one reader of a log. From one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes = reading(store.chunks)
        self._indexes: dict[str, DatumIndex] = {}  # of jobs that have ended, by id
        self._records: OrderedDict[tuple[str, str], DatumRecord | None] = OrderedDict()
        self._answers: dict[tuple[str, str], bool] = {}

    def shown(self, line: LogMessage) -> Sequence[DatumInput]:
        """Return what a line's datum reads, as much of it as a message of one line should hold."""
        record = self._record(line)
        if record is None:
            return ()
        return next(batches(inputs_of(self._nodes, record), _size, SHOWN_BYTES, 1_000), ())

    def reads(self, line: LogMessage, texts: Sequence[str]) -> bool:
        """Return whether the line's datum reads all of these: paths, or content hashes in hex."""
        at = (line.job, line.datum)
        if at not in self._answers:
            record = self._record(line)
            missing = set(texts)
            if record is not None:
                for part in inputs_of(self._nodes, record):
                    missing -= {part.path, part.path.lstrip("/"), part.hash.hex()}
            for old in list(islice(self._answers, max(len(self._answers) - _KEPT, 0))):
                del self._answers[old]
            self._answers[at] = not missing
        return self._answers[at]

    def _record(self, line: LogMessage) -> DatumRecord | None:
        if not line.datum:
            return None
        at = (line.job, line.datum)
        if at not in self._records:
            self._records[at] = self._find(line)
            if len(self._records) > _KEPT:
                self._records.popitem(last=False)
        return self._records[at]

    def _find(self, line: LogMessage) -> DatumRecord | None:
        index = self._indexes.get(line.job)
        if index is None:
            with self._store.db.read() as tx:
                row = jobs.find(tx, Job(Pipeline(line.project, line.pipeline), CommitSetId(line.job)), hidden=True)
                if row is None:
                    return None
                payload = None if row.state.terminal else sets.find_payload(tx, row.id, line.datum_set)
            if not row.state.terminal:
                return None if payload is None else payloads.find_run(payload, line.datum)
            if row.index_root is None:
                return None
            index = self._indexes[line.job] = DatumIndex(self._nodes, row.index_root)
        return index.get(line.datum)


def _size(part: DatumInput) -> int:
    return len(part.path) + len(part.hash)
