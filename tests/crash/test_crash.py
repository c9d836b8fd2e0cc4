"""kill -9 at any moment: nothing acknowledged is lost, nothing is stuck, each datum's output is there once."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.knocks import listening
from e2e.support import Pachctl, Pachd, counts, run, spec

pytestmark = [pytest.mark.crash, pytest.mark.e2e]

KNOCK = Path(__file__).parent.parent / "e2e/programs/knock.py"


@pytest.fixture
def pachd(tmp_path: Path) -> Iterator[Pachd]:
    server = Pachd(tmp_path / "root").start()
    yield server
    server.stop()


@pytest.fixture
def pachctl(pachd: Pachd, tmp_path: Path) -> Pachctl:
    return Pachctl(pachd.address, tmp_path / "config.json")


def workers(root: Path) -> list[int]:
    """Process ids of the workers whose scratch space is below a server's root."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"hathi.worker" in command and str(root).encode() in command:
                found.append(int(process.name))
    return found


def size(folder: Path) -> int:
    """Bytes of the files below a folder, of which any may be moved away while it is looked at."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found += Path(place, name).stat().st_size
    return found


@pytest.mark.parametrize("after", [3, 10, 25])
def test_every_acknowledged_put_is_there_after_the_server_was_killed(
    pachd: Pachd, pachctl: Pachctl, tmp_path: Path, after: int
) -> None:
    """Puts run from three clients at once; the server is killed after some were acknowledged."""
    pachctl("create", "repo", "data")
    acknowledged: list[str] = []
    enough = threading.Event()

    def put(client: int) -> None:
        for number in range(1000):
            path = f"/{client}/{number}"
            if pachctl.run("put", "file", f"data@master:{path}", text=path * 1000).returncode:
                break
            acknowledged.append(path)
            if len(acknowledged) >= after:
                enough.set()
        enough.set()  # or never

    clients = [threading.Thread(target=put, args=(number,)) for number in range(3)]
    for client in clients:
        client.start()
    enough.wait()
    assert len(acknowledged) >= after
    pachd.kill()
    for client in clients:
        client.join()
    pachd.start()
    for path in acknowledged:
        assert pachctl("get", "file", f"data@master:{path}") == path * 1000
    pachctl("put", "file", "data@master:/after", text="works")


def test_a_put_that_was_cut_off_leaves_nothing_half_done(pachd: Pachd, pachctl: Pachctl) -> None:
    pachctl("create", "repo", "data")
    pachctl("put", "file", "data@master:/before", text="b")
    command = [sys.executable, "-c", "import sys,os\nwhile True: sys.stdout.buffer.write(os.urandom(1 << 20))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        put = subprocess.Popen(
            [str(Path(sys.executable).parent / "pachctl"), "put", "file", "data@master:/endless"],
            stdin=source.stdout,
            stderr=subprocess.DEVNULL,
            env=pachctl.environment,
        )
        objects = pachd.root / "objects"
        look_again = threading.Event()
        while size(objects) < 20_000_000:
            assert put.poll() is None, "it ended by itself"
            look_again.wait(0.05)
        pachd.kill()
        source.kill()
        put.wait(60)
    pachd.start()
    assert "endless" not in pachctl("list", "file", "data@master")
    pachctl("put", "file", "data@master:/after", text="works")
    assert pachctl("get", "file", "data@master:/before") == "b"


@pytest.mark.parametrize("victim", ["pachd", "worker"])
@pytest.mark.parametrize("moment", [1, 7, 19])
def test_a_job_completes_though_a_process_was_killed(
    pachd: Pachd, pachctl: Pachctl, tmp_path: Path, victim: str, moment: int
) -> None:
    """20 datums; after some have knocked, the victim dies; each datum's output is there exactly once."""
    pachctl("create", "repo", "data")
    (tmp_path / "in").mkdir()
    for number in range(20):
        (tmp_path / "in" / f"{number:02}").write_text(f"{number}\n")
    pachctl("put", "file", "-r", "data@master:/", "-f", str(tmp_path / "in"))
    with listening() as knocks:
        script = f"f=$(ls /pfs/data); {sys.executable} {KNOCK} {knocks.port} $f; cp /pfs/data/$f /pfs/out/$f"
        document = json.loads(spec("p", "data", script)) | {"parallelism_spec": {"constant": 2}}
        document["datum_set_spec"] = {"number": 2}
        pachctl("create", "pipeline", text=json.dumps(document))
        knocks.wait_for(lambda: len(knocks.lines()) >= moment)
        if victim == "pachd":
            pachd.kill()
            pachd.start()
        else:
            for process in workers(pachd.root)[:1]:
                os.kill(process, signal.SIGKILL)
        job = run(pachctl, "p")
        assert counts(job) == (20, 0, 20)
        assert job["state"] == "JOB_SUCCESS"
    pachctl("get", "file", "-r", "p@master:/", "-o", str(tmp_path / "out"))
    assert {f.name: f.read_text() for f in (tmp_path / "out").iterdir()} == {f"{n:02}": f"{n}\n" for n in range(20)}
    assert set(knocks.lines()) == {f"{n:02}" for n in range(20)}


def test_commits_that_were_being_finished_are_finished_after_a_restart(pachd: Pachd, pachctl: Pachctl) -> None:
    pachctl("create", "repo", "data")
    commit = pachctl("start", "commit", "data@master").strip()
    for number in range(20):
        pachctl("put", "file", f"data@{commit}:/{number}", text=str(number))
    finishing = threading.Thread(target=pachctl.run, args=("finish", "commit", f"data@{commit}"))
    finishing.start()
    pachd.kill()
    finishing.join()
    pachd.start()
    pachctl.run("finish", "commit", f"data@{commit}")
    pachctl("wait", "commit", f"data@{commit}")
    assert len(pachctl("list", "file", f"data@{commit}").splitlines()) == 21


def test_no_worker_outlives_its_server(pachd: Pachd, pachctl: Pachctl) -> None:
    pachctl("create", "repo", "data")
    pachctl("put", "file", "data@master:/a", text="a")
    pachctl("create", "pipeline", text=spec("p", "data", "cp /pfs/data/a /pfs/out/"))
    run(pachctl, "p")
    alive = [os.pidfd_open(process) for process in workers(pachd.root)]
    assert alive
    pachd.kill()
    for process in alive:
        assert select.select([process], [], [], 60)[0], "a worker lives on"
        os.close(process)
    assert not workers(pachd.root)
    pachd.start()
