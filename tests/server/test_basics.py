"""What clients ask of any server before they ask for data."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from google.protobuf.empty_pb2 import Empty

from hathi import __version__
from hathi.model.errors import ExhaustedError, NotFoundError, UnavailableError, UnimplementedError
from hathi.server.grpc.admission import CLASSES, WAITS, Admission
from hathi.server.grpc.serving import GrpcServer
from hathi.wire.client import MESSAGE_BYTES, Client
from hathi.wire.gen import (
    admin_pb2,
    auth_pb2,
    hathi_pb2,
    health_pb2,
    health_pb2_grpc,
    pfs_pb2,
    pps_pb2,
    version_pb2,
)


def test_the_version_is_that_of_the_protocol(client) -> None:
    version = client.version.GetVersion(Empty())
    assert (version.major, version.minor, version.micro) == (2, 12, 2)


def test_the_cluster_has_an_id_and_knows_how_to_warn(client, backend) -> None:
    info = client.admin.InspectCluster(admin_pb2.InspectClusterRequest())
    assert info.id == info.deployment_id == backend.cluster_id
    assert info.warnings_ok
    assert not info.warnings


def test_a_client_of_another_release_is_warned(client) -> None:
    old = admin_pb2.InspectClusterRequest(client_version=version_pb2.Version(major=2, minor=5))
    assert "2.5" in client.admin.InspectCluster(old).warnings[0]


def test_while_access_control_is_off_every_auth_call_says_so(client) -> None:
    for call, request in (
        (client.auth.WhoAmI, auth_pb2.WhoAmIRequest()),
        (client.auth.GetRoleBinding, auth_pb2.GetRoleBindingRequest()),
    ):
        with pytest.raises(UnimplementedError, match=r"^the auth service is not activated$"):
            call(request)


def raw_call(client, method: str) -> bytes:
    """Call a method of which there is no generated code here, with an empty message."""
    return client._channel.unary_unary(f"/{method}")(b"")


def test_identity_calls_say_that_access_control_is_off(client) -> None:
    with pytest.raises(UnimplementedError, match=r"^the auth service is not activated$"):
        raw_call(client, "identity_v2.API/DeleteAll")


@pytest.mark.parametrize("method", ["license_v2.API/DeleteAll", "enterprise_v2.API/GetState"])
def test_what_clients_call_on_the_way_to_other_things_is_answered_with_nothing(client, method) -> None:
    assert raw_call(client, method) == b""


def test_health(client) -> None:
    stub = health_pb2_grpc.HealthStub(client._channel)
    for service in ("", "pfs_v2.API", "pps_v2.API"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == 1
    with pytest.raises(NotFoundError):
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"))


def test_health_tells_watchers_when_the_server_stops(client, server) -> None:
    watch = health_pb2_grpc.HealthStub(client._channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    server.stop(60)
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_what_is_not_served_yet_says_so_by_name(client) -> None:
    with pytest.raises(UnimplementedError, match=r"^pfs_v2.API/Fsck is not served yet$"):
        list(client.pfs.Fsck(pfs_pb2.FsckRequest()))
    with pytest.raises(UnimplementedError, match=r"^pps_v2.API/RunCron is not served yet$"):
        client.pps.RunCron(pps_pb2.RunCronRequest())


def test_about(client, backend) -> None:
    backend.runtime.problem = "no namespaces"
    about = client.about.Server(hathi_pb2.ServerRequest())
    assert (about.version, about.runtime, about.runtime_problem) == (__version__, "fake", "no namespaces")


def test_a_port_in_use_is_told_in_words(address, backend) -> None:
    host, port = address.split(":")
    with pytest.raises(UnavailableError, match=f"cannot listen on {address}: the port is in use"):
        GrpcServer(backend, host, int(port)).start()


def test_messages_of_nearly_twenty_mebibytes_pass_both_ways(client, repo, put) -> None:
    data = b"x" * (MESSAGE_BYTES - 1000)
    put(repo, {"/big": data})
    file = pfs_pb2.File(commit=pfs_pb2.Commit(repo=repo, id="master"), path="/big")
    assert b"".join(part.value for part in client.pfs.GetFile(pfs_pb2.GetFileRequest(file=file))) == data


def test_waiting_calls_end_when_the_server_stops_and_do_not_hold_it_up(client, server, repo) -> None:
    answers = [client.pfs.SubscribeCommit(pfs_pb2.SubscribeCommitRequest(repo=repo)) for _ in range(20)]
    answers.append(client.pps.GetLogs(pps_pb2.GetLogsRequest(pipeline={"name": "none"}, follow=True)))
    stopper = threading.Thread(target=server.stop, args=(600,))
    stopper.start()
    for one in answers:
        with pytest.raises((UnavailableError, NotFoundError)):
            next(one)
    stopper.join(60)
    assert not stopper.is_alive()


def test_whoever_waits_beyond_the_limit_is_refused_and_others_are_served(backend) -> None:
    few = [replace(kind, waits=5) if kind is WAITS else kind for kind in CLASSES]
    server = GrpcServer(backend, "127.0.0.1", 0, Admission(tuple(few)))
    repo = pfs_pb2.Repo(name="images")
    start = pfs_pb2.StartCommitRequest(branch={"repo": repo, "name": "master"})
    with Client(server.start()) as client:
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
        first = client.pfs.StartCommit(start)
        answers = [client.pfs.SubscribeCommit(pfs_pb2.SubscribeCommitRequest(repo=repo)) for _ in range(5)]
        # Who was told of the first commit has been admitted, and waits for the next.
        assert [next(one).commit.id for one in answers] == [first.id] * 5
        with pytest.raises(ExhaustedError, match="the limit is 5"):
            client.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=first, wait=pfs_pb2.FINISHED))
        client.pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=first))
        second = client.pfs.StartCommit(start)
        assert [next(one).commit.id for one in answers] == [second.id] * 5
    server.stop(0)


def test_an_address_that_is_none_of_ours_is_told_as_such(backend) -> None:
    with pytest.raises(UnavailableError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        GrpcServer(backend, "192.0.2.1", 0).start()
