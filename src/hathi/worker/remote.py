"""The server over gRPC: `Server`, the pack ledger and the object store as `hathi_v1.Workers` serves them."""

from __future__ import annotations

import json
import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from hathi.model.errors import ExistsError, HathiError, NotFoundError, UnavailableError
from hathi.model.ids import CommitSetId
from hathi.model.packs import Catalogue, IndexRecord, PackState, Pins
from hathi.model.pps import DatumInput
from hathi.model.references import Commit, Repo
from hathi.storage.objects.interface import (
    ObjectExists,
    ObjectMissing,
    StorageRefused,
    StorageUnavailable,
    blocks,
    checked,
)
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2 as wire
from hathi.worker.server import Beat, Claim, ClaimUnreadable, Datum, LogLine, Report

T = TypeVar("T")

log = logging.getLogger(__name__)

CALL_SECONDS = 30.0  # a call that does not wait and takes longer will not end well
GRACE_SECONDS = 10.0  # beyond what a waiting call may wait
REASON_LENGTH = 4000  # characters of a reason in a report
CATALOGUE_SECONDS = 300.0  # the whole list of packs of a large store takes a while
SOON_SECONDS = 1.0  # until a heartbeat that tells what is needed no more
BEAT_SECONDS = 30.0  # between heartbeats of the process; the server gives it up after twenty times that
PIECE = 1 << 20  # bytes of an object in one message


class RemoteServer:
    """`worker.server.Server` for one worker of one group."""

    def __init__(self, client: Client, group: str, worker: str) -> None:
        self._workers: Any = client.workers
        self._group = group
        self._worker = worker

    def claim(self, wait: float) -> Claim | None:
        """Return a set of datums, or None when there was none for `wait` seconds."""
        request = wire.ClaimRequest(group=self._group, worker=self._worker, wait_seconds=wait)
        messages = iter(self._workers.Claim(request, timeout=wait + GRACE_SECONDS))
        header = next(messages, None)
        if header is None or not header.claim_id:
            return None
        try:
            return _claim(header, [*header.datums, *(one for message in messages for one in message.datums)])
        except UnavailableError:
            raise
        except (HathiError, ValueError) as error:
            raise ClaimUnreadable(header.claim_id, str(error)) from error

    def beat(self, claim: str, datum: str, running: float) -> Beat:
        """Keep a claim alive."""
        request = wire.BeatRequest(claim_id=claim, worker=self._worker, datum_id=datum, running_seconds=running)
        answer = self._workers.Beat(request, timeout=CALL_SECONDS)
        return Beat(answer.lost, frozenset(answer.cancelled))

    def report(self, report: Report) -> bool:
        """End a claim; False when it had lapsed."""
        request = wire.ReportRequest(
            claim_id=report.claim,
            worker=self._worker,
            holder_id=report.holder,
            packs=[wire.Pack(name=pack.name, size=pack.size, chunks=pack.chunks) for pack in report.packs],
            index=report.index,
            processed=report.processed,
            failed=report.failed,
            recovered=report.recovered,
            download_seconds=report.stats.download_seconds,
            process_seconds=report.stats.process_seconds,
            upload_seconds=report.stats.upload_seconds,
            download_bytes=report.stats.download_bytes,
            upload_bytes=report.stats.upload_bytes,
            failed_datum=report.failed_datum,
            failed_reason=report.failed_reason[:REASON_LENGTH],
            error=report.error[:REASON_LENGTH],
            image=report.image,
        )
        return bool(self._workers.Report(request, timeout=CALL_SECONDS).taken)

    def append_logs(self, project: str, pipeline: str, lines: Sequence[LogLine]) -> None:
        """Store lines in order."""
        request = wire.AppendLogsRequest(project=project, pipeline=pipeline, worker=self._worker)
        request.lines.extend(map(_line, lines))
        self._workers.AppendLogs(request, timeout=CALL_SECONDS)


class ApiLedger:
    """The pack ledger through the server, and the holder of this process, kept alive by a thread of its own."""

    def __init__(self, client: Client, group: str, name: str, *, beat_seconds: float = BEAT_SECONDS) -> None:
        """group, name: of the worker. beat_seconds: between two heartbeats."""
        self._workers: Any = client.workers
        self._opening = wire.OpenHolderRequest(group=group, name=name)
        self._pins = Pins()
        self._lock = threading.Lock()
        self._holder = ""
        self._closed = threading.Event()
        beating = (weakref.ref(self), self._closed, beat_seconds)
        self._beating = threading.Thread(target=_keep_alive, args=beating, name="holder", daemon=True)

    @property
    def pins(self) -> Pins:
        """What uploads and readers of this process hold."""
        return self._pins

    def holder(self) -> str:
        """Return the id of this life of the process, beginning it if need be."""
        with self._lock:
            if not self._holder:
                answer = self._workers.OpenHolder(self._opening, timeout=CALL_SECONDS)
                self._pins.heard(answer.version)
                self._holder = answer.id
                if not self._beating.is_alive() and not self._closed.is_set():
                    self._beating.start()
            return self._holder

    def alive(self, holder: str) -> bool:
        """Return whether `holder` is this life still, as far as this process knows."""
        return holder == self._holder

    def beat(self) -> bool:
        """Send a heartbeat. One that was taken for dead begins a new life when it next reads or writes.

        Returns whether another should follow soon: this process needs nothing any more that it has just asked to be
        kept, and garbage collection may be waiting to hear that.
        """
        holder = self._holder
        if not holder:
            return False
        request = wire.BeatHolderRequest(id=holder, oldest=self._pins.oldest())
        answer = self._workers.BeatHolder(request, timeout=CALL_SECONDS)
        self._pins.heard(answer.version)
        if not answer.alive:
            with self._lock:
                if self._holder == holder:
                    self._holder = ""
        return self._pins.oldest() > request.oldest

    def close(self) -> None:
        """End this life. One that cannot be ended now is taken for dead after a while, so that is no failure."""
        self._closed.set()
        if self._holder:
            with suppress(UnavailableError):
                self._workers.EndHolder(wire.EndHolderRequest(id=self._holder), timeout=CALL_SECONDS)

    def catalogue(self, since: int = -1) -> Catalogue | None:
        """Return what changed after version `since`, or None when nothing did."""
        version, complete = -1, since
        packs: list[PackState] = []
        indexes: list[IndexRecord] = []
        for answer in self._workers.Catalogue(wire.CatalogueRequest(since=since), timeout=CATALOGUE_SECONDS):
            version, complete = answer.version, answer.since
            packs.extend(map(_pack_state, answer.packs))
            indexes.extend(IndexRecord(one.name, one.size, one.chunks, one.gone) for one in answer.indexes)
        if version < 0:
            return None
        self._pins.heard(version)
        return Catalogue(version, tuple(packs), tuple(indexes), complete)

    def unregistered(self, names: Sequence[str]) -> list[str]:
        """Return none: a report that names them may be on its way still."""
        return []


def _keep_alive(ledger: weakref.ref[ApiLedger], closed: threading.Event, seconds: float) -> None:
    """Send heartbeats until a ledger is closed, or nobody has it any more."""
    pause = seconds
    while not closed.wait(pause):
        present = ledger()
        if present is None:
            return
        pause = seconds
        try:
            if present.beat():
                pause = min(seconds, SOON_SECONDS)
        except HathiError as error:
            log.info("the heartbeat could not be sent and is sent again: %s", error)
        except Exception:
            log.exception("the heartbeat failed unexpectedly and is sent again")
        del present


class ObjectsOverApi:
    """The object store through the server, for workers that cannot reach it themselves. Reads and writes only."""

    def __init__(self, client: Client) -> None:
        self._workers: Any = client.workers

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """Store an object; it is durable when this returns."""
        size = 0

        def requests() -> Iterator[wire.WriteObjectRequest]:
            nonlocal size
            yield wire.WriteObjectRequest(key=checked(key))
            for block in blocks(data):
                for start in range(0, len(block), PIECE):
                    piece = block[start : start + PIECE]
                    size += len(piece)
                    yield wire.WriteObjectRequest(data=piece)

        _translated(key, lambda: self._workers.WriteObject(requests()))
        return size

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `offset`, to the end when None."""
        wanted = -1 if length is None else length
        request = wire.ReadObjectRequest(key=checked(key), offset=offset, length=wanted)
        return _translated(key, lambda: b"".join(piece.data for piece in self._workers.ReadObject(request)))

    def size(self, key: str) -> int:
        """Not needed by workers."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Not allowed to workers."""
        raise NotImplementedError

    def list(self, prefix: str = "") -> Iterator[str]:
        """Not needed by workers."""
        raise NotImplementedError

    def location(self) -> str:
        """Nowhere that this process could read."""
        return ""


def _translated(key: str, call: Callable[[], T]) -> T:
    """Return what a call returns; its errors become those of object stores."""
    try:
        return call()
    except NotFoundError as error:
        raise ObjectMissing(key) from error
    except ExistsError as error:
        raise ObjectExists(key) from error
    except UnavailableError as error:
        raise StorageUnavailable(key, str(error)) from error
    except HathiError as error:
        raise StorageRefused(key, str(error)) from error


def _pack_state(pack: wire.PackState) -> PackState:
    condemned = pack.condemned if pack.HasField("condemned") else None
    return PackState(pack.name, pack.size, pack.chunks, condemned, pack.superseded, pack.gone)


def _claim(answer: wire.ClaimResponse, datums: Sequence[wire.Datum]) -> Claim:
    return Claim(
        id=answer.claim_id,
        seconds=answer.lease_seconds,
        project=answer.project,
        pipeline=answer.pipeline,
        job=answer.job_id,
        transform=json.loads(answer.transform_json or "{}"),
        tries=answer.datum_tries,
        timeout=answer.datum_timeout_seconds,
        datums=tuple(
            Datum(one.id, one.hash, tuple(map(_input, one.inputs)), one.input_root, one.index) for one in datums
        ),
        roots={name: bytes.fromhex(root) for name, root in answer.roots.items()},
        objects=answer.objects,
        datum_set=answer.datum_set,
    )


def _line(line: LogLine) -> wire.LogLine:
    return wire.LogLine(
        time_ns=line.time_ns,
        message=line.message,
        job=line.job,
        datum=line.datum,
        attempt=line.attempt,
        user=line.user,
        stderr=line.stderr,
        datum_set=line.datum_set,
    )


def _input(source: wire.Input) -> DatumInput:
    repo = Repo(source.project, source.repo, source.type or "user")
    return DatumInput(
        name=source.name,
        commit=Commit(repo, CommitSetId(source.commit)),
        branch=source.branch,
        path=source.path,
        hash=source.hash,
        size=source.size,
        join_on=source.join_on,
        group_by=source.group_by,
        lazy=source.lazy,
        empty_files=source.empty_files,
    )
