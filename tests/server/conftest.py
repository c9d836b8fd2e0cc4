"""A real gRPC server over stores in memory, in this process, and a client that speaks to it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from databases import database_url

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.worker_tokens import KEY_BYTES, WorkerTokens
from hathi.pipelines import references
from hathi.pipelines.births import register
from hathi.pipelines.controllers import Controllers
from hathi.pipelines.logs import Logs
from hathi.runtimes.fake import FakeRuntime
from hathi.server.garbage import Garbage
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.serving import GrpcServer
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.objects.memory import MemoryStore
from hathi.storage.segments import SegmentLog
from hathi.supervision import Supervisor
from hathi.versioning.finishing import Finisher
from hathi.versioning.store import Store
from hathi.wire.client import Client
from hathi.wire.gen import pfs_pb2

CLUSTER = "c" * 32


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """The core of one server: all but workers."""
    database = Database.open(database_url(tmp_path / "pachd.db"), durable=False)
    objects = MemoryStore()
    ledger = DatabaseLedger(database)
    store = Store(database, MaintainedChunks(objects, ledger), ledger)
    register(store)
    references.register(store)
    logs = Logs(SegmentLog(tmp_path / "logs"), database.feed)
    runtime = FakeRuntime()
    supervisor = Supervisor()
    finisher, controllers = Finisher(store, supervisor), Controllers(store, runtime, logs, supervisor)
    garbage = Garbage(store, supervisor, timedelta(0))
    for part in (finisher, controllers, garbage):
        part.start()
    yield Backend(
        store, objects, logs, runtime, CLUSTER, WorkerTokens(bytes(KEY_BYTES)), garbage, supervisor=supervisor
    )
    for part in (garbage, controllers, finisher):
        part.stop()
    store.chunks.close()
    database.close()


@pytest.fixture
def server(backend: Backend) -> Iterator[GrpcServer]:
    server = GrpcServer(backend, "127.0.0.1", 0)
    yield server
    server.stop(0)


@pytest.fixture
def address(server: GrpcServer) -> str:
    return server.start()


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


@pytest.fixture
def worker(address: str, backend: Backend) -> Iterator[Client]:
    """A client with the token of workers of the pipeline `p`."""
    with Client(address, token=backend.tokens.issue("default/p")) as client:
        yield client


@pytest.fixture
def repo(client: Client) -> pfs_pb2.Repo:
    """An empty repo."""
    repo = pfs_pb2.Repo(name="images", type="user", project=pfs_pb2.Project(name="default"))
    client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
    return repo


@pytest.fixture
def put(client: Client) -> Callable[..., None]:
    """Write files to a branch: put(repo, {path: bytes}, branch=...)."""

    def write(repo: pfs_pb2.Repo, files: dict[str, bytes], branch: str = "master") -> None:
        commit = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name=branch))
        requests = [pfs_pb2.ModifyFileRequest(set_commit=commit)]
        for path, data in files.items():
            requests.append(pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path)))
            requests.append(pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw={"value": data})))
        client.pfs.ModifyFile(iter(requests))

    return write


@pytest.fixture
def background() -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    """Run something in a thread that is joined at the end."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            with contextlib.suppress(Exception):
                work()

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
