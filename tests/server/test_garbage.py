"""Garbage collection as clients ask for it, and as a server does it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hathi.metadata import usage
from hathi.model.parse import parse_commit, parse_repo
from hathi.server.garbage import LOOK_SECONDS, Garbage
from hathi.server.grpc.backend import Backend
from hathi.supervision import Supervisor
from hathi.versioning import files, repos
from hathi.versioning.writing import Writer
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2


def put(backend: Backend, name: str, data: bytes) -> None:
    with backend.store.db.write() as tx:
        if not repos.exists(tx, parse_repo(name)):
            repos.create(tx, parse_repo(name))
    with Writer(backend.store, parse_commit(f"{name}@master")) as writer:
        writer.put("/x", [data])
        writer.close()


def remove(backend: Backend, name: str) -> None:
    with backend.store.db.write() as tx:
        repos.delete(tx, parse_repo(name), force=True)


def stored(backend: Backend) -> int:
    return sum(map(backend.objects.size, backend.objects.list()))


def collect(client: Client, *, dry_run: bool = False) -> hathi_pb2.CollectResponse:
    *_, last = client.storage.Collect(hathi_pb2.CollectRequest(dry_run=dry_run))
    assert last.done
    return last


def test_a_collection_on_request_answers_with_what_it_freed(backend, client) -> None:
    put(backend, "kept", b"k")
    put(backend, "gone", bytes(range(256)) * 100)
    remove(backend, "gone")
    before = stored(backend)
    foretold = collect(client, dry_run=True)
    assert stored(backend) == before
    assert foretold.plan.drop_packs == 1 and [pack.used_bytes for pack in foretold.plan.first] == [0]
    answer = collect(client)
    assert stored(backend) == before - answer.freed_bytes == before - foretold.plan.frees_bytes
    assert answer.packs == 1
    assert collect(client).freed_bytes == 0


def test_the_figures_tell_what_is_stored_and_what_a_collection_would_free(backend, client) -> None:
    def figures() -> hathi_pb2.UsageResponse:
        return client.storage.Usage(hathi_pb2.UsageRequest())

    assert figures() == hathi_pb2.UsageResponse()
    put(backend, "a", b"a" * 1000)
    put(backend, "a", b"b" * 1000)
    put(backend, "b", b"c" * 500)
    assert figures().stored_bytes == stored(backend) and not figures().HasField("measured")
    collect(client)
    assert (figures().logical_bytes, figures().unused_bytes) == (2500, 0)
    remove(backend, "a")
    assert 0 < figures().unused_bytes <= stored(backend)
    plan = collect(client, dry_run=True).plan
    assert figures().unused_bytes == plan.frees_bytes
    collect(client)
    assert figures().unused_bytes == 0 and figures().stored_bytes == stored(backend)


def test_a_client_that_waits_learns_what_for_and_may_leave(backend, client) -> None:
    put(backend, "gone", b"x" * 1000)
    pin = backend.store.chunks.reading()
    remove(backend, "gone")
    messages = client.storage.Collect(hathi_pb2.CollectRequest())
    assert any("waiting for uploads and downloads" in message.phase for message in messages)
    messages.cancel()
    pin.release()
    assert collect(client).done and stored(backend) == 0


@pytest.fixture
def alone(backend) -> Iterator[Garbage]:
    """Collects when it is told to look, on a clock that the test moves."""
    now = [0.0]
    garbage = Garbage(backend.store, Supervisor(), timedelta(hours=1), clock=lambda: now[0])
    garbage.advance = lambda seconds: now.__setitem__(0, now[0] + seconds)  # type: ignore[attr-defined]
    yield garbage
    garbage.scheduler.close()


def run(garbage: Garbage) -> int:
    """Tick until nothing more happens; returns how many collections ended."""
    before = garbage.scheduler.state.ended
    garbage.advance(LOOK_SECONDS)  # type: ignore[attr-defined]
    garbage.scheduler.tick()
    for _ in range(100):
        if garbage.scheduler.state.phase is None:
            return garbage.scheduler.state.ended - before
        garbage.scheduler.tick()
    raise AssertionError("it does not end")


def test_a_server_collects_by_itself_when_it_is_worth_it_and_not_otherwise(backend, alone) -> None:
    assert run(alone) == 0, "nothing is stored"
    put(backend, "kept", b"k" * 100)
    assert run(alone) == 1, "nothing was measured yet"
    assert run(alone) == 0
    put(backend, "kept", b"l" * 100)
    put(backend, "gone", bytes(range(256)) * 100)
    assert run(alone) == 0, "writing leaves no garbage worth it"
    remove(backend, "gone")
    backend.store.db.clock = _later(backend, timedelta(minutes=2))
    assert run(alone) == 1
    assert stored(backend) < 2000
    put(backend, "kept", b"m" * 100)
    assert run(alone) == 0
    backend.store.db.clock = _later(backend, timedelta(hours=2))
    assert run(alone) == 1, "the interval is over"


def _later(backend: Backend, by: timedelta):
    clock = backend.store.db.clock
    return lambda: clock() + by


def test_what_a_killed_server_had_condemned_is_in_use_again(backend, client) -> None:
    put(backend, "gone", b"x" * 1000)
    remove(backend, "gone")
    pin = backend.store.chunks.reading()
    killed = Garbage(backend.store, Supervisor(), timedelta(0))
    killed.scheduler.request()
    while killed.scheduler.state.phase is None or "waiting" not in killed.scheduler.state.phase.value:
        killed.scheduler.tick()
    pin.release()
    next_one = Garbage(backend.store, Supervisor(), timedelta(0))
    next_one.start()
    with backend.store.db.read() as tx:
        assert backend.store.ledger.collecting(tx) is None
        assert usage.read(tx).stored == stored(backend)
    put(backend, "again", b"x" * 1000)
    collect(client)
    next_one.stop()
    assert b"".join(files.get(backend.store, parse_commit("again@master"), "/x")) == b"x" * 1000
