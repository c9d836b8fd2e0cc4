"""A recording server that speaks every service, and a way to run pachctl against it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf import message_factory
from google.protobuf.message import Message

from hathi.cli.main import run
from hathi.cli.render import times
from hathi.wire.gen import admin_pb2, auth_pb2, hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2, version_pb2

SERVICES = {
    service.full_name: service
    for module in (admin_pb2, auth_pb2, hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2, version_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
}


@dataclass
class Failure:
    """An answer that is an error."""

    code: str
    text: str


@dataclass
class Call:
    """What a client sent."""

    method: str
    messages: list[Message]
    metadata: dict[str, str]
    deadline: float | None

    @property
    def message(self) -> Any:
        """The only message."""
        assert len(self.messages) == 1
        return self.messages[0]


@dataclass
class FakeServer(grpc.GenericRpcHandler):
    """Answers as told, emptily otherwise, and remembers what was asked. `unserved`: services it does not know."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    unserved: set[str] = field(default_factory=set)
    port: int = 0

    def asked(self, method: str) -> list[Call]:
        """Return the calls of one method, e.g. `ListRepo`."""
        return [call for call in self.calls if call.method == method]

    def one(self, method: str) -> Any:
        """Return the message of the only call of a method."""
        (call,) = self.asked(method)
        return call.message

    def service(self, handler_call_details: Any) -> Any:
        _, service, method = handler_call_details.method.split("/")
        found = SERVICES.get(service)
        if found is None or service in self.unserved:
            return None
        described = found.methods_by_name[method]
        asked = message_factory.GetMessageClass(described.input_type)
        answered = message_factory.GetMessageClass(described.output_type)

        def handle(sent: Any, context: Any) -> Any:
            messages = list(sent) if described.client_streaming else [sent]
            metadata = {pair.key: pair.value for pair in context.invocation_metadata()}
            self.calls.append(Call(method, messages, metadata, context.time_remaining()))
            answer = self.answers.get(method)
            answer = answer(*messages) if callable(answer) else answer
            if isinstance(answer, Failure):
                context.abort(grpc.StatusCode[answer.code], answer.text)
            if described.server_streaming:
                return self._stream(answer or [], context)
            return answer if answer is not None else answered()

        kind = f"{'stream' if described.client_streaming else 'unary'}_" + (
            "stream" if described.server_streaming else "unary"
        )
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        return make(handle, request_deserializer=asked.FromString, response_serializer=answered.SerializeToString)

    @staticmethod
    def _stream(answers: Any, context: Any) -> Iterator[Message]:
        yield from answers
        if type(answers).__name__ == "Lost":
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")


@dataclass
class Result:
    """What a run of pachctl left behind."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


NOW = 1_700_000_000
"""When it is, for whatever is shown as so long ago."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock that tables read."""
    monkeypatch.setattr(times, "time", SimpleNamespace(time=lambda: NOW))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    served = grpc.server(ThreadPoolExecutor(4), handlers=(fake,))
    fake.port = served.add_insecure_port("127.0.0.1:0")
    served.start()
    yield fake
    served.stop(None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where the configuration file is; it does not exist yet."""
    return tmp_path / "pachyderm" / "config.json"


Pachctl = Callable[..., Result]


@pytest.fixture
def offline(config: Path) -> Pachctl:
    """Run pachctl with nothing listening."""

    def call(*words: str, text: str | bytes = b"", **env: str) -> Result:
        with CliRunner().isolation(input=text) as streams:
            code = run(words, {"PACH_CONFIG": str(config), **env})
            streams[0].flush()
            out, err = streams[0].getvalue(), streams[1].getvalue()
        return Result(code, out.decode(errors="replace"), err.decode(), out)

    return call


@pytest.fixture
def pachctl(server: FakeServer, offline: Pachctl) -> Pachctl:
    """Run pachctl against the fake server; it must succeed."""

    def call(*words: str, text: str | bytes = b"", **env: str) -> Result:
        done = offline(*words, text=text, PACHD_ADDRESS=f"grpc://127.0.0.1:{server.port}", **env)
        assert done.code == 0, done.err
        return done

    return call


@pytest.fixture
def failing(server: FakeServer, offline: Pachctl) -> Pachctl:
    """Run pachctl against the fake server; it must fail with exit code 1. Returns what it said."""

    def call(*words: str, text: str | bytes = b"", **env: str) -> Result:
        done = offline(*words, text=text, PACHD_ADDRESS=f"grpc://127.0.0.1:{server.port}", **env)
        assert done.code == 1, (done.code, done.out, done.err)
        return done

    return call


@pytest.fixture
def failure() -> type[Failure]:
    """The answer that is an error."""
    return Failure
