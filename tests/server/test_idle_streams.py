"""Clients that open streams and then do nothing: nobody else notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from hathi.model.errors import UnavailableError
from hathi.server.grpc import version
from hathi.server.grpc.admission import CLASSES, UPLOADS, Admission
from hathi.server.grpc.serving import GrpcServer
from hathi.server.grpc.stalls import StreamLimits
from hathi.wire.client import Client
from hathi.wire.gen import (
    hathi_pb2,
    hathi_pb2_grpc,
    health_pb2,
    health_pb2_grpc,
    pfs_pb2,
    pfs_pb2_grpc,
    version_pb2_grpc,
)

PATIENT = StreamLimits(first=3600, idle=3600, crowded_first=3600, crowded_idle=3600)
"""Nothing is ended for being idle: only classes and limits protect the others."""

REPO = pfs_pb2.Repo(name="images", type="user", project=pfs_pb2.Project(name="default"))
COMMIT = pfs_pb2.Commit(repo=REPO, branch=pfs_pb2.Branch(repo=REPO, name="master"))


class Idlers:
    """One connection with streams on which nothing more is sent; `ended` counts those that the server ended."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1),))
        self._over = threading.Event()
        self.changed = threading.Condition()
        self.ended: list[grpc.Future] = []
        self.calls: list[grpc.Future] = []

    def open(self, streams: int, method: Callable[[grpc.Channel], Callable], *first: object) -> None:
        def requests() -> Iterator[object]:
            yield from first
            self._over.wait()

        for _ in range(streams):
            call = method(self._channel).future(requests())
            self.calls.append(call)
            call.add_done_callback(self._note)

    def _note(self, call: grpc.Future) -> None:
        with self.changed:
            self.ended.append(call)
            self.changed.notify_all()

    def wait_for(self, ended: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.ended) >= ended, 60), len(self.ended)

    def close(self) -> None:
        self._over.set()
        self._channel.close()


@contextmanager
def idlers(address: str) -> Iterator[Idlers]:
    idle = Idlers(address)
    try:
        yield idle
    finally:
        idle.close()


def modify(channel: grpc.Channel) -> Callable:
    return pfs_pb2_grpc.APIStub(channel).ModifyFile


def batched(channel: grpc.Channel) -> Callable:
    return hathi_pb2_grpc.FilesStub(channel).Put


@contextmanager
def serving(backend, limits: StreamLimits) -> Iterator[str]:
    server = GrpcServer(backend, "127.0.0.1", 0, Admission(CLASSES, limits))
    try:
        yield server.start()
    finally:
        server.stop(0)


def put(client: Client, data: bytes = b"a") -> None:
    requests = [pfs_pb2.ModifyFileRequest(set_commit=COMMIT)]
    for start in range(0, len(data), 1 << 20):
        piece = pfs_pb2.AddFile(path="/a", raw={"value": data[start : start + (1 << 20)]})
        requests.append(pfs_pb2.ModifyFileRequest(add_file=piece))
    client.pfs.ModifyFile(iter(requests))


def test_600_idle_uploads_of_one_client_stop_nothing(backend) -> None:
    with serving(backend, PATIENT) as address, idlers(address) as idle, Client(address) as client:
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=REPO))
        idle.open(150, modify)
        idle.open(150, modify, pfs_pb2.ModifyFileRequest(set_commit=COMMIT))
        idle.open(150, batched)
        idle.open(150, batched, hathi_pb2.PutRequest(commit=hathi_pb2.CommitRef(repo="images", branch="master")))
        idle.wait_for(600 - UPLOADS.share)
        assert {call.code() for call in idle.ended} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert all("on one connection: the limit is 64" in call.details() for call in idle.ended)
        assert health_pb2_grpc.HealthStub(client._channel).Check(health_pb2.HealthCheckRequest(), timeout=60).status
        assert client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=REPO), timeout=60).repo.name == "images"
        put(client)
        # Not even on the connection of the idle ones.
        health = health_pb2_grpc.HealthStub(idle._channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=60).status


def test_idle_uploads_of_many_connections_make_room_for_one_that_is_used(backend) -> None:
    limits = StreamLimits(first=3600, idle=3600, crowded_first=-1, crowded_idle=-1)
    with serving(backend, limits) as address, Client(address) as client, idlers(address) as one:
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=REPO))
        with idlers(address) as other:
            one.open(UPLOADS.share, modify)
            other.open(UPLOADS.share, batched)
            for _ in range(3):
                put(client)


@pytest.mark.parametrize("first", [(), (pfs_pb2.ModifyFileRequest(set_commit=COMMIT),)])
def test_a_stream_that_stays_idle_is_ended_with_the_reason(backend, first) -> None:
    with serving(backend, StreamLimits(first=0.2, idle=0.2)) as address, idlers(address) as idle:
        with Client(address) as client:
            client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=REPO))
        idle.open(1, modify, *first)
        idle.wait_for(1)
    assert idle.ended[0].code() is grpc.StatusCode.ABORTED
    assert "the call was ended" in idle.ended[0].details()


def test_a_call_without_its_request_is_ended_and_holds_nobody_up(backend) -> None:
    """What looks like one request to a client may be a stream that stays empty to the server."""

    def check(channel: grpc.Channel) -> Callable:
        return channel.stream_unary("/grpc.health.v1.Health/Check")

    with serving(backend, StreamLimits(first=0.2)) as address, idlers(address) as idle:
        idle.open(50, check)
        with Client(address) as client:
            health = health_pb2_grpc.HealthStub(client._channel)
            assert health.Check(health_pb2.HealthCheckRequest(), timeout=60).status
        idle.wait_for(50)


def test_a_client_that_reads_nothing_more_gives_its_place_back(backend) -> None:
    """A download whose client takes no bytes holds a thread in gRPC's sending, not in our code."""
    admission = Admission(CLASSES, StreamLimits(idle=0.2))
    server = GrpcServer(backend, "127.0.0.1", 0, admission)
    with Client(server.start()) as client:
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=REPO))
        put(client, bytes(16 << 20))
        file = pfs_pb2.File(commit=COMMIT, path="/a")
        call = client.pfs.GetFile(pfs_pb2.GetFileRequest(file=file))  # one that nobody holds would be cancelled
        next(call)
        assert admission.wait_for_quiet(60) == ""
    server.stop(0)


def test_a_stop_leaves_a_call_behind_that_never_returns(backend, monkeypatch, caplog, background) -> None:
    begun, release = threading.Event(), threading.Event()

    def stuck(self, request, call) -> None:
        begun.set()
        release.wait(60)

    monkeypatch.setattr(version.Version, "GetVersion", stuck)
    server = GrpcServer(backend, "127.0.0.1", 0)
    with Client(server.start()) as client:
        background(lambda: client.version.GetVersion(Empty()))
        assert begun.wait(60)
        server.stop(0)
        assert "calls are at work: 1 calls" in caplog.text
        release.set()


def test_connections_are_bounded_and_a_closed_one_makes_room(backend, monkeypatch) -> None:
    monkeypatch.setattr("hathi.server.grpc.serving.CONNECTIONS", 3)
    server = GrpcServer(backend, "127.0.0.1", 0)
    address = server.start()
    clients = [Client(address) for _ in range(4)]
    for client in clients[:3]:
        client.version.GetVersion(Empty())
    with pytest.raises(UnavailableError):
        clients[3].version.GetVersion(Empty(), timeout=60)
    for client in clients:
        client.close()
    channel = grpc.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1),))
    with channel:  # it tries until the server has seen that the others are closed
        version_pb2_grpc.APIStub(channel).GetVersion(Empty(), wait_for_ready=True, timeout=120)
    server.stop(0)
