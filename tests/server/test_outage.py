"""A whole server whose PostgreSQL goes away and comes back: a few lines in the log, and everything goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import databases
import pytest
from proxies import Proxy
from sqlalchemy import make_url

from hathi.model.errors import HathiError, UnavailableError
from hathi.server.compose import Server
from hathi.server.config import Settings
from hathi.supervision import Backoff, supervisor
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2, pfs_pb2

OUTAGES = 5
REPO = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))
BRANCH = pfs_pb2.Branch(repo=REPO, name="master")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Any]:
    if not databases.server():
        pytest.skip("HATHI_TEST_POSTGRES names no PostgreSQL server")
    url = make_url(databases.database_url(tmp_path / "outage"))
    with Proxy(url.host or "127.0.0.1", url.port or 5432) as proxy:
        proxy.url = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)  # type: ignore[attr-defined]
        yield proxy


class Collect(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def records(pachd: Server) -> Iterator[list[logging.LogRecord]]:
    """What the server logs from its start on."""
    collect = Collect()
    logging.getLogger("hathi").addHandler(collect)
    yield collect.records
    logging.getLogger("hathi").removeHandler(collect)


@pytest.fixture
def pachd(tmp_path: Path, proxy: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(supervisor, "Backoff", lambda *_: Backoff(0.01, 0.05))
    monkeypatch.setattr(supervisor, "PROMPT", Backoff(0.01, 0.05))
    server = Server(Settings(root=tmp_path / "root", port=0, runtime="external", database=proxy.url))
    server.address = server.start()  # type: ignore[attr-defined]
    yield server
    server.stop()


def put(client: Client, number: int) -> str:
    """Write a file in a commit of its own, which is folded in the background; returns the commit's id."""
    commit = client.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=BRANCH))
    file = pfs_pb2.AddFile(path=f"/{number}", raw={"value": b"contents"})
    client.pfs.ModifyFile(
        iter([pfs_pb2.ModifyFileRequest(set_commit=commit), pfs_pb2.ModifyFileRequest(add_file=file)])
    )
    client.pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=commit))
    return str(commit.id)


def insist(call: Any) -> Any:
    """Return what a call returns once the database answers again; whatever it says until then, it is UNAVAILABLE."""
    while True:
        try:
            return call()
        except UnavailableError:
            pass


def test_outages_of_the_database_are_a_few_lines_and_everything_goes_on(
    pachd: Server, proxy: Any, records: list[logging.LogRecord]
) -> None:
    with Client(pachd.address) as client:  # type: ignore[attr-defined]
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=REPO))
        for number in range(OUTAGES):
            before = proxy.refused
            proxy.cut()
            with pytest.raises(UnavailableError):
                client.pfs.ListBranch(pfs_pb2.ListBranchRequest(repo=REPO)).__next__()
            while proxy.refused < before + 20:
                client.about.Failures(hathi_pb2.FailuresRequest())
            assert client.about.Failures(hathi_pb2.FailuresRequest()).failures
            proxy.mend()
            id = insist(lambda number=number: _finished_put(client, number))
            assert id
        while client.about.Failures(hathi_pb2.FailuresRequest()).failures:
            pass
    assert not [record.getMessage() for record in records if record.exc_info]
    assert len(records) < 40 * OUTAGES
    assert [record for record in records if "works again" in record.getMessage()]


def _finished_put(client: Client, number: int) -> str:
    try:
        head = client.pfs.InspectBranch(pfs_pb2.InspectBranchRequest(branch=BRANCH)).head
        client.pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=head))
    except UnavailableError:
        raise
    except HathiError:
        pass  # there is none yet, or it is closed
    id = put(client, number)
    commit = pfs_pb2.Commit(repo=REPO, id=id)
    info = client.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=commit, wait=pfs_pb2.FINISHED))
    return str(info.commit.id)
