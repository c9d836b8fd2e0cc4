"""The worker program as the process runtime starts it: a real process, a real sandbox, a server in this process."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from hathi.model.packs import PackRecord, RemoteWriter
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.runtimes.interface import WorkerGroup
from hathi.runtimes.process import Place, ProcessRuntime
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.store import Chunks
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS
from hathi.storage.filesets.entry import FILES
from hathi.storage.objects.local import LocalStore
from hathi.wire.gen import hathi_pb2 as wire
from hathi.wire.gen import hathi_pb2_grpc

COMMIT = "0123456789ab4cdef0123456789abcde"


class Server(hathi_pb2_grpc.WorkersServicer):
    """Hands out the claims put into it, once, and keeps reports and log lines."""

    def __init__(self, objects: Path) -> None:
        self.objects = objects
        self.ledger = MemoryLedger()
        self.chunks = Chunks(LocalStore(objects), self.ledger)
        self.claims: list[wire.ClaimResponse] = []
        self.lines: list[str] = []
        self.reports: list[Any] = []
        self.reported = threading.Event()

    def Claim(self, request: Any, context: Any) -> Any:
        yield self.claims.pop(0) if self.claims else wire.ClaimResponse()

    def Beat(self, request: Any, context: Any) -> Any:
        return wire.BeatResponse()

    def Report(self, request: Any, context: Any) -> Any:
        self.ledger.register(
            RemoteWriter(request.holder_id), [PackRecord(p.name, p.size, p.chunks) for p in request.packs]
        )
        self.reports.append(request)
        self.reported.set()
        return wire.ReportResponse(taken=True)

    def AppendLogs(self, request: Any, context: Any) -> Any:
        self.lines += [line.message for line in request.lines]
        return wire.AppendLogsResponse()

    def Catalogue(self, request: Any, context: Any) -> Any:
        catalogue = self.ledger.catalogue(request.since)
        if catalogue is not None:
            packs = [wire.PackState(name=pack.name, size=pack.size, chunks=pack.chunks) for pack in catalogue.packs]
            yield wire.CatalogueResponse(version=catalogue.version, since=catalogue.since, packs=packs)

    def OpenHolder(self, request: Any, context: Any) -> Any:
        return wire.OpenHolderResponse(id=self.ledger.holder(), seconds=600, version=0)

    def BeatHolder(self, request: Any, context: Any) -> Any:
        return wire.BeatHolderResponse(alive=True, version=0)

    def EndHolder(self, request: Any, context: Any) -> Any:
        return wire.EndHolderResponse()

    def offer(self, script: str, path: str = "/a") -> None:
        """Offer a claim of one datum with one file."""
        with self.chunks.upload() as upload:
            root = tree.build(FILES, upload, [(path.encode(), upload.content([b"contents"]).encode())])
            self.ledger.register(upload, upload.seal())
        source = wire.Input(name="data", project="default", repo="data", type="user", commit=COMMIT, path=path)
        self.claims.append(
            wire.ClaimResponse(
                claim_id="claim",
                lease_seconds=30,
                project="default",
                pipeline="p",
                job_id="j",
                transform_json=json.dumps({"cmd": ["sh", "-c", script]}),
                datum_tries=1,
                datums=[wire.Datum(id="ab" * 32, hash="h", inputs=[source])],
                roots={f"default/data@{COMMIT}": root.hex()},
                objects=str(self.objects),
            )
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "objects")
    yield server
    server.chunks.close()


@pytest.fixture
def runtime(server: Server, tmp_path: Path) -> Iterator[ProcessRuntime]:
    doors = grpc.server(ThreadPoolExecutor(8))
    hathi_pb2_grpc.add_WorkersServicer_to_server(server, doors)
    port = doors.add_insecure_port("127.0.0.1:0")
    doors.start()
    runtime = ProcessRuntime(Place(lambda: f"127.0.0.1:{port}", tmp_path / "workers", [tmp_path], workers=2))
    if problem := runtime.check():
        pytest.skip(problem)
    yield runtime
    runtime.close()
    doors.stop(0)


def test_a_claim_is_run_and_reported(server: Server, runtime: ProcessRuntime, tmp_path: Path) -> None:
    server.offer(f"cat /pfs/data/a; echo; cp /pfs/data/a /pfs/out/b; ln -s /pfs/data/a /pfs/out/c; ls {tmp_path}; env")
    runtime.ensure(WorkerGroup("default/p/v1", "default", "p", 1, 1))
    assert server.reported.wait(120)
    (report,) = server.reports
    ((_, value),) = tree.scan(DATUMS, server.chunks, report.index)
    record = DatumRecord.decode(value)
    outputs = {path: b"".join(server.chunks.read(Content.decode(content))) for path, content in record.outputs}
    assert (report.processed, record.reason, outputs) == (1, "", {"/b": b"contents", "/c": b"contents"})
    assert "contents" in server.lines
    assert not [line for line in server.lines if "objects" in line], "the server's folder is hidden"
    assert "PPS_PIPELINE_NAME=p" in server.lines


def test_user_code_dies_with_the_worker_that_runs_it(server: Server, runtime: ProcessRuntime) -> None:
    """The command holds a connection to us; it ends when the worker's owner lets go."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        program = f"import socket; s = socket.create_connection(('127.0.0.1', {door.getsockname()[1]})); s.recv(1)"
        server.offer(f'{sys.executable} -Sc "{program}"')
        runtime.ensure(WorkerGroup("default/p/v1", "default", "p", 1, 1))
        door.settimeout(120)
        guest, _ = door.accept()
        with guest:
            guest.settimeout(120)
            runtime.close()
            assert guest.recv(1) == b""


@pytest.mark.parametrize(
    ("path", "state", "reason"),
    [
        ("/" + "/".join(["d" * 200] * 20), DatumState.SUCCESS, ""),
        ("/" + "/".join(["d" * 200] * 21), DatumState.FAILED, "an input's path is too long"),
        ("/" + "n" * 256, DatumState.FAILED, "an input's name is too long"),
    ],
)
def test_a_file_that_no_file_system_holds_fails_its_datum_and_a_long_path_does_not(
    server: Server, runtime: ProcessRuntime, path: str, state: DatumState, reason: str
) -> None:
    """All of these were handed back and tried again for ever."""
    server.offer('cat "/pfs/data/$(cd /pfs/data; find . -type f | cut -c3-)" > /pfs/out/copy', path)
    runtime.ensure(WorkerGroup("default/p/v1", "default", "p", 1, 1))
    assert server.reported.wait(60)
    (report,) = server.reports
    assert report.error == ""
    ((_, value),) = tree.scan(DATUMS, server.chunks, report.index)
    record = DatumRecord.decode(value)
    assert (record.state, reason in record.reason) == (state, True), record.reason


def test_a_worker_leaves_when_its_place_is_another_s(server: Server, runtime: ProcessRuntime) -> None:
    """The real program, without work: asked by its owner, it ends and another one is ready in its place."""
    changed = threading.Condition()

    def note(key: str) -> None:
        with changed:
            changed.notify_all()

    runtime.on_change(note)
    for name in "ab":
        runtime.ensure(WorkerGroup(f"default/{name}/v1", "default", name, 1, 1_000, busy=False))

    def shared() -> bool:
        found = runtime.observe()
        return [found[f"default/{name}/v1"].ready for name in "ab"] == [1, 1]

    with changed:
        assert changed.wait_for(shared, 120), runtime.observe()
