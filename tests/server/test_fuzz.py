"""No request, however hostile, is answered with an internal error or leaves a traceback in the log."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from server.hostile import Hostile

from hathi.server.grpc.admission import WAITS, WORKER_WAITS, CallClass, class_of
from hathi.server.grpc.backend import Backend
from hathi.wire.client import TOKEN_KEY, Client
from hathi.wire.gen import (
    admin_pb2,
    auth_pb2,
    hathi_pb2,
    health_pb2,
    health_pb2_grpc,
    pfs_pb2,
    pps_pb2,
    transaction_pb2,
    version_pb2,
)

FILES = (admin_pb2, auth_pb2, hathi_pb2, health_pb2, pfs_pb2, pps_pb2, transaction_pb2, version_pb2)

ROUNDS, WAITING_ROUNDS = 20, 4
"""Hostile requests for each method, and for each that may wait."""

SPEC = {
    "pipeline": {"name": "p"},
    "transform": {"cmd": ["true"]},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
}


def methods(*files) -> list[MethodDescriptor]:
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]
    return [method for service in services for method in service.methods]


def kind_of(method: MethodDescriptor) -> CallClass:
    name = f"{method.containing_service.full_name}/{method.name}"
    return class_of(name, client_streaming=method.client_streaming, server_streaming=method.server_streaming)


class Target:
    """A server with something of everything on it, and raw calls to all of its methods."""

    def __init__(self, client: Client, token: str) -> None:
        """token: of workers."""
        self._client = client
        self._metadata = [(TOKEN_KEY, token)]
        self._channel = client._raw
        self.known: list[str] = []

    def furnish(self) -> None:
        """Make what hostile requests may name, unless it is there."""
        repo = pfs_pb2.Repo(name="images", type="user", project=pfs_pb2.Project(name="default"))
        branch = pfs_pb2.Branch(repo=repo, name="master")
        self._try(lambda: self._client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo)))
        commit = pfs_pb2.Commit(repo=repo, branch=branch)
        changes = [
            pfs_pb2.ModifyFileRequest(set_commit=commit),
            pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path="/a/b", raw={"value": b"bytes"})),
        ]
        self._try(lambda: self._client.pfs.ModifyFile(iter(changes)))
        request = pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=json.dumps(SPEC))
        self._try(lambda: self._client.pps.CreatePipelineV2(request))
        ids = [info.commit.id for info in self._client.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=repo))]
        self.known = ["default", "images", "p", "master", "user", "/a", "/a/b", "default/p/v1", *ids[:3]]

    def _try(self, make) -> None:
        try:
            make()
        except Exception as there_already:
            del there_already

    def call(self, method: MethodDescriptor, messages: list[bytes]) -> tuple[grpc.StatusCode, str]:
        """Return the status of a call with encoded messages, and its text."""
        service = method.containing_service.full_name
        seconds = 0.1 if kind_of(method) in (WAITS, WORKER_WAITS) else 60
        call = self._channel.stream_stream(f"/{service}/{method.name}")(
            iter(messages), timeout=seconds, metadata=self._metadata
        )
        try:
            for _ in itertools.islice(call, 20):
                pass
            call.cancel()
            return grpc.StatusCode.OK, ""
        except grpc.RpcError as error:
            return error.code(), error.details() or ""


@pytest.fixture
def target(client: Client, backend: Backend, caplog: pytest.LogCaptureFixture) -> Iterator[Target]:
    target = Target(client, backend.tokens.issue("default/p"))
    target.furnish()
    with caplog.at_level(logging.WARNING):
        yield target
    tracebacks = [record.getMessage() for record in caplog.records if record.exc_info]
    assert not tracebacks
    health = health_pb2_grpc.HealthStub(client._channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
    assert health.status == health_pb2.HealthCheckResponse.SERVING


def examine(target: Target, method: MethodDescriptor, messages: list[bytes], shown: object) -> str:
    """Return what is wrong with the answer to a call, or ""."""
    code, text = target.call(method, messages)
    if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) or len(text) > 5000:
        return f"{method.full_name}: {code.name} {text:.500}\n{shown!s:.1000}\n"
    return ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.DESCRIPTOR.name)
def test_hostile_values_are_refused_and_never_an_internal_error(target: Target, file) -> None:
    bombard(target, file, 1)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.DESCRIPTOR.name)
def test_many_hostile_values_are_refused_and_never_an_internal_error(target: Target, file) -> None:
    bombard(target, file, 50)


def bombard(target: Target, file, times: int) -> None:
    """Send hostile requests to every method of a file. times: so many times the usual number."""
    wrong = []
    for method in methods(file):
        hostile = Hostile(f"{method.full_name} {times}", target.known)
        for _ in range(times * (WAITING_ROUNDS if kind_of(method) in (WAITS, WORKER_WAITS) else ROUNDS)):
            requests = [hostile.message(method.input_type) for _ in range(3 if method.client_streaming else 1)]
            wrong.append(examine(target, method, [request.SerializeToString() for request in requests], requests))
        target.furnish()
    assert "".join(wrong) == ""


@pytest.mark.parametrize("junk", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", bytes(100), b"\x0a\x04abc"])
def test_bytes_that_are_no_message_are_refused(target: Target, junk: bytes) -> None:
    assert "".join(examine(target, method, [junk], junk) for method in methods(*FILES)) == ""


def test_a_call_without_a_message_is_refused(target: Target) -> None:
    assert "".join(examine(target, method, [], "no message") for method in methods(*FILES)) == ""


@pytest.mark.parametrize("depth", [50, 98, 200, 5000])
def test_inputs_nested_deeply_are_refused(target: Target, depth: int) -> None:
    encoded = pps_pb2.Input(pfs={"repo": "images", "glob": "/*"}).SerializeToString()
    tag = bytes([pps_pb2.Input.DESCRIPTOR.fields_by_name["cross"].number << 3 | 2])
    for _ in range(depth):
        encoded = tag + _varint(len(encoded)) + encoded
    request = pps_pb2.CreatePipelineRequest(pipeline={"name": "q"}, transform={"cmd": ["true"]}).SerializeToString()
    number = pps_pb2.CreatePipelineRequest.DESCRIPTOR.fields_by_name["input"].number
    request += _varint(number << 3 | 2) + _varint(len(encoded)) + encoded
    method = pps_pb2.DESCRIPTOR.services_by_name["API"].methods_by_name["CreatePipeline"]
    assert examine(target, method, [request], depth) == ""


@pytest.mark.parametrize("depth", [50, 99, 200, 5000, 100_000])
def test_specs_nested_deeply_are_refused(target: Target, depth: int) -> None:
    for opening, closing in (('{"cross": [', "]}"), ("[", "]")):
        text = opening * depth + '{"pfs": {"repo": "images", "glob": "/*"}}' + closing * depth
        spec = f'{{"pipeline": {{"name": "q"}}, "transform": {{"cmd": ["true"]}}, "input": {text}}}'
        request = pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=spec)
        method = pps_pb2.DESCRIPTOR.services_by_name["API"].methods_by_name["CreatePipelineV2"]
        assert examine(target, method, [request.SerializeToString()], depth) == ""


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
