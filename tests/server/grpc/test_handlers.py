"""What a door raises becomes a status and a text; what nobody serves is refused by name."""

from __future__ import annotations

import logging

import grpc
import pytest

from hathi.model.errors import HathiError, InternalError, InvalidError, NotFoundError, UnimplementedError
from hathi.server.grpc import handlers
from hathi.server.grpc.admission import Admission
from hathi.server.grpc.handlers import EverythingElse, service_handler
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2, health_pb2, health_pb2_grpc

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"]


class Door:
    """Fails as it is told to."""

    def __init__(self, error):
        self.error = error

    def Check(self, request, call):
        raise self.error

    def Watch(self, request, call):
        yield health_pb2.HealthCheckResponse(status=1)
        raise self.error


@pytest.fixture
def serve():
    """Serve a door on a free port; returns a client."""
    from concurrent.futures import ThreadPoolExecutor

    started = []

    def start(*doors):
        server = grpc.server(
            ThreadPoolExecutor(4), handlers=[service_handler(SERVICE, doors, Admission()), EverythingElse({}, ())]
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        client = Client(f"127.0.0.1:{port}")
        started.extend((client, server))
        return client

    yield start
    for client, server in zip(started[::2], started[1::2], strict=True):
        client.close()
        server.stop(0)


def health(client: Client) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(client._channel)


REQUEST = health_pb2.HealthCheckRequest()


def test_an_error_arrives_with_its_status_and_text(serve) -> None:
    stub = health(serve(Door(NotFoundError("repo default/ü not found"))))
    with pytest.raises(NotFoundError, match=r"^repo default/ü not found$"):
        stub.Check(REQUEST)


def test_a_stream_that_fails_gives_first_what_it_had(serve) -> None:
    answers = health(serve(Door(InvalidError("no")))).Watch(REQUEST)
    assert next(answers).status == 1
    with pytest.raises(InvalidError, match=r"^no$"):
        next(answers)


def test_a_mistake_of_ours_is_internal_and_logged_with_its_trace(serve, caplog) -> None:
    stub = health(serve(Door(ZeroDivisionError("oops"))))
    with caplog.at_level(logging.ERROR), pytest.raises(InternalError, match="ZeroDivisionError: oops"):
        stub.Check(REQUEST)
    assert caplog.records[0].exc_info


def test_a_long_text_is_cut_where_clients_would_refuse_it(serve) -> None:
    stub = health(serve(Door(InvalidError("x" * 100_000))))
    with pytest.raises(InvalidError) as raised:
        stub.Check(REQUEST)
    assert len(raised.value.message) < handlers.TEXT_LIMIT + 10


def test_a_method_that_no_door_has_is_refused_by_name(serve) -> None:
    stub = health(serve())
    with pytest.raises(UnimplementedError, match=r"grpc.health.v1.Health/Check is not served yet"):
        stub.Check(REQUEST)
    with pytest.raises(UnimplementedError, match=r"Health/Watch"):
        list(stub.Watch(REQUEST))


def test_a_service_that_is_not_served_is_refused_by_name(serve) -> None:
    client = serve()
    with pytest.raises(UnimplementedError, match=r"hathi_v1.About/Server is not supported by this server"):
        client.about.Server(hathi_pb2.ServerRequest())
    with pytest.raises(UnimplementedError, match=r"hathi_v1.Files/Put"):
        client.files.Put(iter([hathi_pb2.PutRequest()]))


def test_a_door_with_a_misspelt_method_is_refused_at_start() -> None:
    class Misspelt:
        def Chekc(self, request, call):
            pass

    with pytest.raises(TypeError, match="has no Chekc"):
        service_handler(SERVICE, [Misspelt()], Admission())


def test_a_clients_own_mistake_while_sending_comes_out_as_it_is(serve) -> None:
    def requests():
        yield hathi_pb2.PutRequest()
        raise KeyError("mine")

    with pytest.raises((KeyError, HathiError)) as raised:
        serve().files.Put(requests())
    assert isinstance(raised.value, KeyError | UnimplementedError)


def test_a_server_that_nobody_runs_is_unavailable() -> None:
    from hathi.model.errors import UnavailableError

    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError):
        client.about.Server(hathi_pb2.ServerRequest())
