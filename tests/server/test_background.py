"""No exception ends what a server does in the background, and users learn what fails, why, and since when."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hathi.server import main
from hathi.server.compose import Server
from hathi.server.config import Settings
from hathi.server.grpc.backend import Backend
from hathi.storage.objects.interface import StorageUnavailable
from hathi.supervision import Backoff, supervisor
from hathi.versioning import finishing
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2, pfs_pb2


class Bang(BaseException):
    """What nobody foresees."""


@pytest.fixture
def pachd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose background tasks try again soon."""
    monkeypatch.setattr(supervisor, "Backoff", lambda *_: Backoff(0.001, 0.002))
    server = Server(Settings(root=tmp_path / "root", port=0, runtime="external"))
    server.start()
    yield server
    server.stop()


def test_each_background_task_goes_on_after_any_exception(pachd: Server) -> None:
    """Each is woken with work that fails, and must come to work that does not."""
    tasks = [task for task in pachd.supervisor._tasks if hasattr(task, "_work") and hasattr(task, "wake")]
    assert {"merging packs", "holder heartbeat", "pruning logs", "garbage collection"} <= {task.name for task in tasks}
    for task in tasks:
        plain, errors, done = task._work, iter([KeyError("x"), MemoryError(), SystemExit(1), Bang()]), threading.Event()

        def work(errors: Iterator[BaseException] = errors, done: threading.Event = done) -> None:
            for error in errors:
                raise error
            done.set()

        task._work = work
        task.wake()
        assert done.wait(60), task.name
        task._work = plain
        assert task.status().threads == 1


def test_a_server_stops_all_that_it_does_in_the_background(pachd: Server) -> None:
    assert all(status.threads == status.wanted for status in pachd.supervisor.status())
    pachd.stop()
    assert not any(status.threads for status in pachd.supervisor.status())


def test_what_cannot_be_finished_is_told_with_its_reason(
    client: Client, backend: Backend, repo: pfs_pb2.Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def fails(store: object, commit: object) -> None:
        failed.set()
        raise StorageUnavailable("packs/1", "it does not answer")

    monkeypatch.setattr(finishing, "fold_one", fails)
    branch = pfs_pb2.Branch(repo=repo, name="master")
    commit = client.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=branch))
    add = pfs_pb2.AddFile(path="/a", raw={"value": b"1"})
    client.pfs.ModifyFile(iter([pfs_pb2.ModifyFileRequest(set_commit=commit), pfs_pb2.ModifyFileRequest(add_file=add)]))
    client.pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=commit))
    assert failed.wait(60)
    subject = f"commit default/images@{commit.id}"
    while not (told := client.about.Failures(hathi_pb2.FailuresRequest(subject=subject)).failures):
        pass
    [failure] = told
    assert failure.task == "finishing commits" and "packs/1" in failure.reason and failure.times >= 1
    assert 0 < failure.since_ns <= failure.retry_ns
    assert not client.about.Failures(hathi_pb2.FailuresRequest(subject="commit default/other@1")).failures
    info = client.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=commit))
    assert not info.error, "clients of the original take that for a failed commit"


def test_a_stop_that_hangs_ends_the_process_nevertheless() -> None:
    program = "from hathi.server import main; import threading; main._end_by_force(0.1); threading.Event().wait()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "what is still at work ends now" in done.stderr
    assert main.STOP_SECONDS > 3 * 10.0
