"""The gRPC half, against a server that keeps what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from hathi.model.errors import UnavailableError
from hathi.model.packs import Catalogue, IndexRecord, PackRecord, PackState
from hathi.model.pps import Stats
from hathi.storage.objects.interface import ObjectExists, ObjectMissing, StorageRefused
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2 as wire
from hathi.wire.gen import hathi_pb2_grpc
from hathi.worker.remote import ApiLedger, ObjectsOverApi, RemoteServer
from hathi.worker.server import ClaimUnreadable, LogLine, Report


class Workers(hathi_pb2_grpc.WorkersServicer):
    """Answers with what it was given, and keeps requests and objects."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[Any] = []
        self.objects: dict[str, bytes] = {}

    def _answer(self, name: str) -> Callable[..., Any]:
        def method(request: Any, context: Any) -> Any:
            self.requests.append(request)
            answer = self.answers[name]
            return iter(answer) if isinstance(answer, list) else answer

        def stream(request: Any, context: Any) -> Iterator[Any]:
            for answer in method(request, context):
                if isinstance(answer, grpc.StatusCode):
                    context.abort(answer, "broken")
                yield answer

        return stream if name == "Claim" else method

    def __getattribute__(self, name: str) -> Any:
        return (
            self._answer(name)
            if name[0].isupper() and name not in ("ReadObject", "WriteObject")
            else super().__getattribute__(name)
        )

    def ReadObject(self, request: Any, context: Any) -> Iterator[Any]:
        if request.key not in self.objects:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such object")
        end = None if request.length < 0 else request.offset + request.length
        for byte in self.objects[request.key][request.offset : end]:
            yield wire.ObjectBytes(data=bytes([byte]))

    def WriteObject(self, requests: Iterator[Any], context: Any) -> Any:
        key = next(requests).key
        if key.startswith("taken"):
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "other bytes")
        if key.startswith("refused"):
            context.abort(grpc.StatusCode.INTERNAL, "disk full")
        self.objects[key] = b"".join(request.data for request in requests)
        return wire.WriteObjectResponse()


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def client(workers: Workers) -> Iterator[Client]:
    server = grpc.server(ThreadPoolExecutor(4))
    hathi_pb2_grpc.add_WorkersServicer_to_server(workers, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(f"127.0.0.1:{port}") as client:
        yield client
    server.stop(0)


def test_a_claim_is_read_whole(client: Client, workers: Workers) -> None:
    header = wire.ClaimResponse(
        claim_id="c",
        lease_seconds=30,
        project="default",
        pipeline="p",
        job_id="j",
        transform_json='{"cmd": ["a"]}',
        datum_tries=2,
        datum_timeout_seconds=1.5,
        roots={"q/r@k": "00ff"},
        objects="/objects",
    )
    source = wire.Input(name="n", repo="r", project="q", commit="k", path="/")
    datums = [
        wire.Datum(id="i", hash="h", inputs=[source], index=7),
        wire.Datum(id="j", hash="h", input_root=b"root", index=8),
    ]
    workers.answers["Claim"] = [header, *(wire.ClaimResponse(datums=[datum]) for datum in datums)]
    claim = RemoteServer(client, "g", "w").claim(7.0)
    assert claim is not None
    assert workers.requests == [wire.ClaimRequest(group="g", worker="w", wait_seconds=7.0)]
    assert (claim.id, claim.transform, claim.tries, claim.timeout) == ("c", {"cmd": ["a"]}, 2, 1.5)
    assert (claim.roots, claim.objects) == ({"q/r@k": b"\x00\xff"}, "/objects")
    (source,) = claim.datums[0].inputs
    assert str(source.commit) == "q/r@k", "the key under which its root is found"
    assert [(datum.id, datum.index, datum.input_root) for datum in claim.datums] == [("i", 7, b""), ("j", 8, b"root")]


def test_a_claim_that_cannot_be_read_to_its_end_names_itself(client: Client, workers: Workers) -> None:
    workers.answers["Claim"] = [wire.ClaimResponse(claim_id="c"), grpc.StatusCode.RESOURCE_EXHAUSTED]
    with pytest.raises(ClaimUnreadable, match="broken") as caught:
        RemoteServer(client, "g", "w").claim(0.0)
    assert caught.value.claim == "c"


def test_a_claim_that_the_server_cut_off_by_going_away_is_asked_for_again(client: Client, workers: Workers) -> None:
    workers.answers["Claim"] = [wire.ClaimResponse(claim_id="c"), grpc.StatusCode.UNAVAILABLE]
    with pytest.raises(UnavailableError):
        RemoteServer(client, "g", "w").claim(0.0)


def test_no_work_is_no_claim(client: Client, workers: Workers) -> None:
    workers.answers["Claim"] = [wire.ClaimResponse()]
    assert RemoteServer(client, "g", "w").claim(0.0) is None


def test_beats_reports_and_logs_carry_what_they_are_given(client: Client, workers: Workers) -> None:
    workers.answers |= {
        "Beat": wire.BeatResponse(lost=True, cancelled=["d"]),
        "Report": wire.ReportResponse(taken=True),
        "AppendLogs": wire.AppendLogsResponse(),
    }
    server = RemoteServer(client, "g", "w")
    beat = server.beat("c", "d", 2.0)
    assert (beat.lost, beat.cancelled) == (True, {"d"})
    assert server.report(Report("c", "l", [PackRecord("n", 1, 2)], b"i", 3, 4, 5, Stats(upload_bytes=6), "d", "why"))
    server.append_logs("default", "p", [LogLine(1, "text", "j", "d", 2, True, True, 7)])
    report, logs = workers.requests[1:]
    assert (report.packs[0].name, report.failed, report.upload_bytes, report.failed_reason) == ("n", 4, 6, "why")
    assert (logs.worker, logs.lines[0].message, logs.lines[0].datum_set) == ("w", "text", 7)


def test_the_ledger_speaks_the_servers_catalogue(client: Client, workers: Workers) -> None:
    workers.answers |= {
        "Catalogue": [
            wire.CatalogueResponse(version=5, since=3),
            wire.CatalogueResponse(
                version=5,
                since=3,
                packs=[
                    wire.PackState(name="a", size=1, chunks=2),
                    wire.PackState(name="b", size=1, chunks=2, condemned=0, superseded=True, gone=True),
                ],
            ),
            wire.CatalogueResponse(version=5, since=3, indexes=[wire.Index(name="i", size=3, chunks=4, gone=True)]),
        ],
    }
    ledger = ApiLedger(client, "g", "w")
    packs = (PackState("a", 1, 2), PackState("b", 1, 2, 0, superseded=True, gone=True))
    assert ledger.catalogue(3) == Catalogue(5, packs, (IndexRecord("i", 3, 4, gone=True),), since=3)
    workers.answers["Catalogue"] = []
    assert ledger.catalogue(5) is None


def test_a_worker_keeps_to_what_it_told_of_its_pins(client: Client, workers: Workers) -> None:
    """What a heartbeat reports as the oldest version holds until the next one: later pins ask for nothing older."""
    workers.answers |= {
        "OpenHolder": wire.OpenHolderResponse(id="h", seconds=9, version=3),
        "BeatHolder": wire.BeatHolderResponse(alive=True, version=8),
        "EndHolder": wire.EndHolderResponse(),
    }
    ledger = ApiLedger(client, "g", "w")
    assert (ledger.holder(), ledger.holder()) == ("h", "h")
    with ledger.pins.hold():
        ledger.beat()
    ledger.beat()
    with ledger.pins.hold() as pin:
        pin.raise_to(11)
        ledger.beat()
        ledger.close()
    assert [request.oldest for request in workers.requests if isinstance(request, wire.BeatHolderRequest)] == [3, 8, 11]
    assert workers.requests[-1].id == "h"


def test_a_worker_that_was_taken_for_dead_begins_a_new_life(client: Client, workers: Workers) -> None:
    workers.answers |= {
        "OpenHolder": wire.OpenHolderResponse(id="one", seconds=9, version=3),
        "BeatHolder": wire.BeatHolderResponse(alive=False, version=8),
    }
    ledger = ApiLedger(client, "g", "w")
    assert ledger.holder() == "one"
    ledger.beat()
    assert not ledger.alive("one")
    workers.answers["OpenHolder"] = wire.OpenHolderResponse(id="two", seconds=9, version=9)
    assert ledger.holder() == "two"
    assert ledger.alive("two") and not ledger.alive("one")


def test_objects_pass_in_pieces(client: Client, workers: Workers) -> None:
    objects = ObjectsOverApi(client)
    data = bytes(range(100)) * 30_000
    assert objects.put("packs/a", [data[:10], data[10:]]) == len(data)
    assert workers.objects["packs/a"] == data
    workers.objects["b"] = b"0123456789"
    assert objects.get("b") == b"0123456789"
    assert objects.get("b", 2, 3) == b"234"


def test_errors_of_objects_are_those_of_object_stores(client: Client) -> None:
    with pytest.raises(ObjectMissing):
        ObjectsOverApi(client).get("gone")
    with pytest.raises(StorageRefused, match="disk full"):
        ObjectsOverApi(client).put("refused", b"x")
    with pytest.raises(ObjectExists):
        ObjectsOverApi(client).put("taken", b"x")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError):
        RemoteServer(client, "g", "w").beat("c", "", 0.0)
