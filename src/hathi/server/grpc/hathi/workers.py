"""What workers ask for: work, the pack ledger, the object store where they cannot reach it, and a place for logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from hathi.metadata.ledger import WORKER
from hathi.model.batching import batches
from hathi.model.errors import InternalError, InvalidError, NotFoundError
from hathi.model.packs import Catalogue, IndexRecord, PackRecord, PackState
from hathi.model.pps import DatumInput, LogMessage, Stats
from hathi.model.references import Pipeline
from hathi.pipelines import work
from hathi.runtimes.external import ExternalRuntime
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.server.grpc.streams import PIECE
from hathi.storage.objects.interface import ObjectMissing, checked
from hathi.wire.gen import hathi_pb2

_DATUMS = 5000
"""Datums in one message of a claim."""


class Workers:
    """Serves `hathi_v1.Workers`."""

    def __init__(self, backend: Backend) -> None:
        self._store = backend.store
        self._objects = backend.objects
        self._logs = backend.logs
        self._external = backend.runtime if isinstance(backend.runtime, ExternalRuntime) else None

    def Claim(self, request: hathi_pb2.ClaimRequest, call: Call) -> Iterator[hathi_pb2.ClaimResponse]:
        """Hand out a set of datums, waiting for one for a while."""
        with call.waiting(), self._there(request.group, request.worker):
            claim = work.claim(
                self._store,
                request.group,
                request.worker,
                wait=request.wait_seconds,
                cancelled=call.cancelled,
                on_leave=call.on_leave,
            )
        if claim is None:
            yield hathi_pb2.ClaimResponse()
            return
        yield _claim_message(claim, self._objects.location())
        for datums in batches(map(_datum_message, claim.datums), hathi_pb2.Datum.ByteSize, PIECE, _DATUMS):
            yield hathi_pb2.ClaimResponse(datums=datums)

    def Beat(self, request: hathi_pb2.BeatRequest, call: Call) -> hathi_pb2.BeatResponse:
        """Keep a claim alive."""
        if self._external is not None:
            self._external.works(request.worker)
        beat = work.beat(
            self._store,
            request.claim_id,
            request.worker,
            datum=request.datum_id,
            running_seconds=request.running_seconds,
        )
        return hathi_pb2.BeatResponse(lost=beat.lost, cancelled=beat.cancelled)

    def Report(self, request: hathi_pb2.ReportRequest, call: Call) -> hathi_pb2.ReportResponse:
        """Take the outcome of a claim."""
        report = work.Report(
            claim_id=request.claim_id,
            worker=request.worker,
            holder=request.holder_id,
            packs=[PackRecord(pack.name, pack.size, pack.chunks) for pack in request.packs],
            index=request.index,
            processed=request.processed,
            failed=request.failed,
            recovered=request.recovered,
            stats=Stats(
                download_seconds=request.download_seconds,
                process_seconds=request.process_seconds,
                upload_seconds=request.upload_seconds,
                download_bytes=request.download_bytes,
                upload_bytes=request.upload_bytes,
            ),
            failed_datum=request.failed_datum,
            failed_reason=request.failed_reason,
            error=request.error,
            image=request.image,
        )
        return hathi_pb2.ReportResponse(taken=work.report(self._store, report))

    def Catalogue(self, request: hathi_pb2.CatalogueRequest, call: Call) -> Iterator[hathi_pb2.CatalogueResponse]:
        """Tell what changed in the list of packs, unless nothing did."""
        catalogue = self._store.ledger.catalogue(request.since)
        if catalogue is not None:
            yield from catalogue_messages(catalogue)

    def OpenHolder(self, request: hathi_pb2.OpenHolderRequest, call: Call) -> hathi_pb2.OpenHolderResponse:
        """Record that a worker begins to read and write; it may go on after this server was restarted."""
        holder = self._store.ledger.open_holder(WORKER, f"{request.group} {request.name}")
        return hathi_pb2.OpenHolderResponse(id=holder.id, seconds=holder.seconds, version=holder.version)

    def BeatHolder(self, request: hathi_pb2.BeatHolderRequest, call: Call) -> hathi_pb2.BeatHolderResponse:
        """Keep a worker's holder alive."""
        alive, version = self._store.ledger.beat_holder(request.id, request.oldest)
        return hathi_pb2.BeatHolderResponse(alive=alive, version=version)

    def EndHolder(self, request: hathi_pb2.EndHolderRequest, call: Call) -> hathi_pb2.EndHolderResponse:
        """Forget a worker's holder."""
        self._store.ledger.end_holder(request.id)
        return hathi_pb2.EndHolderResponse()

    def ReadObject(self, request: hathi_pb2.ReadObjectRequest, call: Call) -> Iterator[hathi_pb2.ObjectBytes]:
        """Give bytes of an object."""
        key = _object_key(request.key)
        offset = request.offset
        try:
            end = offset + request.length if request.length >= 0 else self._objects.size(key)
            while offset < end:
                data = self._objects.get(key, offset, min(PIECE, end - offset))
                if not data:
                    return
                yield hathi_pb2.ObjectBytes(data=data)
                offset += len(data)
        except ObjectMissing as error:
            raise NotFoundError(str(error)) from None

    def WriteObject(
        self, requests: Iterator[hathi_pb2.WriteObjectRequest], call: Call
    ) -> hathi_pb2.WriteObjectResponse:
        """Store an object; it is durable when this answers."""
        first = next(requests, None)
        if first is None or not first.key:
            raise InvalidError("the first message of WriteObject must name the key")

        def parts() -> Iterator[bytes]:
            yield first.data
            for request in requests:
                yield request.data

        self._objects.put(_object_key(first.key), parts())
        return hathi_pb2.WriteObjectResponse()

    def AppendLogs(self, request: hathi_pb2.AppendLogsRequest, call: Call) -> hathi_pb2.AppendLogsResponse:
        """Store lines that user code wrote."""
        pipeline = Pipeline(request.project, request.pipeline)
        lines = [_line(line, request) for line in request.lines]
        self._logs.append(pipeline, lines)
        return hathi_pb2.AppendLogsResponse()

    @contextmanager
    def _there(self, group: str, worker: str) -> Iterator[None]:
        """Let a runtime that starts no workers know of those that come by themselves."""
        if self._external is None:
            yield
            return
        self._external.waits(group, worker)
        try:
            yield
        except BaseException:
            self._external.left(worker)
            raise
        self._external.works(worker)


def _object_key(text: str) -> str:
    """Return a key that a worker gave; InvalidError when it is none."""
    try:
        return checked(text)
    except InternalError as error:
        raise InvalidError(str(error)) from None


def _claim_message(claim: work.Claim, location: str) -> hathi_pb2.ClaimResponse:
    """Return what a claim says besides its datums."""
    return hathi_pb2.ClaimResponse(
        claim_id=claim.id,
        lease_seconds=claim.seconds,
        project=claim.job.pipeline.project,
        pipeline=claim.job.pipeline.name,
        version=claim.version,
        job_id=claim.job.id,
        output_branch=claim.output_branch,
        transform_json=json.dumps(claim.transform),
        datum_tries=claim.datum_tries,
        datum_timeout_seconds=claim.datum_timeout,
        roots={commit: root.hex() for commit, root in claim.roots.items()},
        objects=location,
        datum_set=claim.datum_set,
    )


def _datum_message(datum: work.Datum) -> hathi_pb2.Datum:
    return hathi_pb2.Datum(
        id=datum.id,
        hash=datum.hash,
        inputs=[_input_message(input) for input in datum.inputs],
        input_root=datum.input_root,
        index=datum.index,
    )


def _input_message(input: DatumInput) -> hathi_pb2.Input:
    repo = input.commit.repo
    return hathi_pb2.Input(
        name=input.name,
        project=repo.project,
        repo=repo.name,
        type=repo.type,
        branch=input.branch,
        commit=input.commit.id,
        path=input.path,
        hash=input.hash,
        size=input.size,
        join_on=input.join_on,
        group_by=input.group_by,
        lazy=input.lazy,
        empty_files=input.empty_files,
    )


def catalogue_messages(catalogue: Catalogue) -> Iterator[hathi_pb2.CatalogueResponse]:
    """Yield the messages that list what changed, at least one."""

    def message() -> hathi_pb2.CatalogueResponse:
        return hathi_pb2.CatalogueResponse(version=catalogue.version, since=catalogue.since)

    yield message()
    for packs in batches(map(_pack_message, catalogue.packs), hathi_pb2.PackState.ByteSize):
        some = message()
        some.packs.extend(packs)
        yield some
    for indexes in batches(map(_index_message, catalogue.indexes), hathi_pb2.Index.ByteSize):
        some = message()
        some.indexes.extend(indexes)
        yield some


def _pack_message(pack: PackState) -> hathi_pb2.PackState:
    return hathi_pb2.PackState(
        name=pack.name,
        size=pack.size,
        chunks=pack.chunks,
        condemned=pack.condemned,
        superseded=pack.superseded,
        gone=pack.gone,
    )


def _index_message(index: IndexRecord) -> hathi_pb2.Index:
    return hathi_pb2.Index(name=index.name, size=index.size, chunks=index.chunks, gone=index.gone)


def _line(line: hathi_pb2.LogLine, request: hathi_pb2.AppendLogsRequest) -> LogMessage:
    return LogMessage(
        time=datetime.fromtimestamp(line.time_ns / 1e9, UTC),
        message=line.message,
        project=request.project,
        pipeline=request.pipeline,
        job=line.job,
        datum=line.datum,
        worker=request.worker,
        attempt=line.attempt,
        user=line.user,
        stderr=line.stderr,
        datum_set=line.datum_set,
    )
