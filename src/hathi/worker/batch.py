"""One claim: its datums run one after another, the next one staged while one runs, the last one's output stored
meanwhile.

At the end all that was made stands in one upload (small results: one pack), named by the report alone. Whatever fails
for reasons that are not the datum's own makes the whole set fail as a report with `error`, and the server hands it
out again.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from hathi.datum import environment
from hathi.datum.collect import OutputError, keep_files
from hathi.datum.sandbox import Sandbox
from hathi.datum.stage import DiskFull, Stage, Staged, StoredFile
from hathi.model.pps import DatumInput, DatumState, Stats
from hathi.model.records import DatumRecord
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.store import Chunks
from hathi.storage.chunks.upload import Upload
from hathi.storage.filesets import tree
from hathi.storage.filesets.datum_inputs import inputs_of
from hathi.storage.filesets.datums import DATUMS, key_of
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.files import FileTree
from hathi.worker.attempts import Attempts, Guard, Tried
from hathi.worker.logs import Logs
from hathi.worker.server import Claim, Datum, Report

INLINE_OUTPUTS = 16  # files; the outputs of a datum with more stand in a tree of their own
BEHIND = 4  # datums whose output is still being stored while others run; bounds what stands on the disk
REASON_LENGTH = 4000  # characters of a datum's reason that its record holds; its log holds all
FAILED_AT_COLLECT = "its output could not be stored: "


class Inputs:
    """Reads the input commits of one claim; a `stage.Source`."""

    def __init__(self, claim: Claim, chunks: Chunks) -> None:
        self._roots = claim.roots
        self._chunks = chunks
        self._trees: dict[str, FileTree] = {}

    def of(self, datum: Datum) -> Iterator[DatumInput]:
        """Yield what a datum reads, in order."""
        return inputs_of(self._chunks, datum)

    def files(self, source: DatumInput) -> Iterable[StoredFile]:
        """Return the file, or the files below the directory, that an input names."""
        name = str(source.commit)
        if name not in self._trees:
            self._trees[name] = FileTree(self._chunks, self._roots[name])
        return self._trees[name].files(source.path)

    def read(self, content: Content) -> Iterator[bytes]:
        """Return the bytes of a file."""
        return self._chunks.read(content)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker keeps from claim to claim.

    name: its own. base: variables that user code sees of this place. defaults: what holds of a spec's transform where
    the spec says nothing. image: the image that user code runs in, "" when there is none.
    """

    name: str
    stage: Stage
    sandbox: Callable[[], Sandbox]
    base: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    image: str = ""


class Batch:
    """Runs the datums of one claim."""

    def __init__(self, claim: Claim, bench: Bench, chunks: Chunks, upload: Upload, guard: Guard, logs: Logs) -> None:
        self._claim = claim
        self._bench = bench
        self._upload = upload
        self._logs = logs
        self._inputs = Inputs(claim, chunks)
        transform = {**bench.defaults, **{name: value for name, value in claim.transform.items() if value}}
        self._about = environment.Job(
            project=claim.project,
            pipeline=claim.pipeline,
            job=claim.job,
            worker=bench.name,
            env=transform.get("env") or {},
            base=bench.base,
        )
        self._behind: deque[Future[DatumRecord]] = deque()
        self._ahead: Future[Staged] | None = None
        self._attempts = Attempts(transform, claim.tries, claim.timeout, bench.sandbox, guard, upload.content)

    def run(self) -> Report:
        """Run every datum and return the report; the packs in it are durable. Raises `Stopped` when the claim is
        lost.
        """
        records: list[DatumRecord] = []
        behind = self._behind
        self._logs.note(f"running a datum set of size {len(self._claim.datums)}")
        with ThreadPoolExecutor(1, "stage") as staging, ThreadPoolExecutor(1, "store") as storing:
            try:
                for place, datum in enumerate(self._claim.datums):
                    ready = self._ahead or staging.submit(self._stage, datum)
                    following = self._claim.datums[place + 1 : place + 2]
                    self._ahead = staging.submit(self._stage, following[0]) if following else None
                    behind.append(storing.submit(self._store, self._try(datum, ready)))
                    while len(behind) > BEHIND or (behind and behind[0].done()):
                        records.append(behind.popleft().result())
                records += [future.result() for future in behind]
            finally:
                # Whatever stopped us: nothing may stay on the disk.
                self._discard_ahead()
        report = self._report(records)
        self._logs.note(f"the datum set is done: {report.processed} processed, {report.failed} failed")
        return report

    def _stage(self, datum: Datum) -> Staged:
        inputs = tuple(self._inputs.of(datum))
        variables = environment.datum_variables(self._claim.job, datum.id, inputs)
        return self._bench.stage.prepare(inputs, environment.dotenv(variables), self._inputs)

    def _try(self, datum: Datum, ready: Future[Staged]) -> Tried:
        first: list[Future[Staged]] = [ready]
        variables = environment.datum_variables(self._claim.job, datum.id, self._inputs.of(datum))
        env = environment.environment(self._about, variables)
        return self._attempts.run(
            datum,
            env,
            stage=lambda: self._staged(datum, first),
            log=lambda attempt: self._logs.stream(datum.id, attempt),
        )

    def _staged(self, datum: Datum, first: list[Future[Staged]]) -> Staged:
        """Return the folder of a datum; when the disk is too full for several, once no other one takes room."""
        try:
            return first.pop().result() if first else self._stage(datum)
        except DiskFull:
            wait(self._behind)
            self._discard_ahead()
            return self._stage(datum)

    def _discard_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.cancel():
            with contextlib.suppress(Exception):
                ahead.result().remove()

    def _store(self, tried: Tried) -> DatumRecord:
        """Store what a datum made, and return its record."""
        began = time.monotonic()
        files: list[tuple[str, Content]] = []
        state, reason = tried.state, tried.reason[:REASON_LENGTH]
        if tried.staged is not None:
            try:
                files = keep_files(tried.made, self._upload.content)
            except OutputError as error:
                state, reason = DatumState.FAILED, FAILED_AT_COLLECT + str(error)
            finally:
                tried.staged.remove()
        outputs = [(path, content.encode()) for path, content in files]
        inline = len(outputs) <= INLINE_OUTPUTS
        return DatumRecord(
            id=tried.datum.id,
            hash=tried.datum.hash,
            state=state,
            job=self._claim.job,
            inputs=tried.datum.inputs,
            input_root=tried.datum.input_root,
            outputs=tuple(outputs) if inline else (),
            output_root=b"" if inline else tree.build(FILES, self._upload, _encoded(outputs)),
            stats=Stats(
                download_seconds=round(tried.download_seconds, 6),
                process_seconds=round(tried.process_seconds, 6),
                upload_seconds=round(time.monotonic() - began, 6),
                download_bytes=tried.download_bytes,
                upload_bytes=sum(content.size for _, content in files),
            ),
            reason=reason,
            attempts=tried.attempts,
            image=self._bench.image,
            index=tried.datum.index,
        )

    def _report(self, records: list[DatumRecord]) -> Report:
        entries = sorted((key_of(record.id), record.encode()) for record in records)
        index = tree.build(DATUMS, self._upload, entries)
        failed = next((record for record in records if record.state is DatumState.FAILED), None)
        states = [record.state for record in records]
        return Report(
            claim=self._claim.id,
            holder=self._upload.holder,
            packs=self._upload.seal(),
            index=index,
            processed=states.count(DatumState.SUCCESS),
            failed=states.count(DatumState.FAILED),
            recovered=states.count(DatumState.RECOVERED),
            stats=_sum(record.stats for record in records),
            failed_datum=failed.id if failed else "",
            failed_reason=failed.reason if failed else "",
            image=self._bench.image,
        )


def _encoded(outputs: list[tuple[str, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    return ((path.encode(), content) for path, content in outputs)


def _sum(stats: Iterable[Stats]) -> Stats:
    total = Stats()
    for one in stats:
        total = Stats(
            total.download_seconds + one.download_seconds,
            total.process_seconds + one.process_seconds,
            total.upload_seconds + one.upload_seconds,
            total.download_bytes + one.download_bytes,
            total.upload_bytes + one.upload_bytes,
        )
    return total
