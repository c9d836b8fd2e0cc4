"""Workers that somebody else starts, over the server's port alone, with a token of their pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.support import BIN, ROOT, Pachctl, Pachd, counts, run, spec

pytestmark = pytest.mark.e2e

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def pachd(tmp_path: Path) -> Iterator[Pachd]:
    server = Pachd(tmp_path / "root", "--runtime", "external").start()
    yield server
    server.stop()


@pytest.fixture
def start(pachd: Pachd, tmp_path: Path) -> Iterator[Start]:
    """start(*options, token=...): start a worker of the pipeline p."""
    started: list[subprocess.Popen[str]] = []

    def begin(*options: str, token: str = "") -> subprocess.Popen[str]:
        command = [str(BIN / "hathi-worker"), "--pipeline", "p", "--address", f"127.0.0.1:{pachd.port}", *options]
        environment = {**os.environ, "HATHI_WORKER_TOKEN": token, "HATHI_SCRATCH": str(tmp_path / "scratch")}
        show = ["--show", str(ROOT), "--show", sys.prefix]
        worker = subprocess.Popen([*command, *show], env=environment, stderr=subprocess.PIPE, text=True)
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        worker.terminate()
        worker.wait(60)
        assert worker.stderr is not None
        worker.stderr.close()


def token(pachd: Pachd, pipeline: str) -> str:
    command = [str(BIN / "pachd"), "--root", str(pachd.root), "--worker-token", pipeline]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_worker_works_for_the_pipeline_of_its_token_and_no_other(pachd: Pachd, start: Start, tmp_path: Path) -> None:
    pachctl = Pachctl(pachd.address, tmp_path / "config.json")
    pachctl("create", "repo", "data")
    for word in ("one", "two"):
        pachctl("put", "file", f"data@master:/{word}", text=word)
    pachctl("create", "pipeline", text=spec("p", "data", "cp /pfs/data/* /pfs/out"))
    for wrong, said in (("", "--worker-token"), (token(pachd, "q"), "token is for default/q")):
        refused = start(token=wrong)
        _, text = refused.communicate(timeout=120)
        assert refused.returncode == 1
        assert said in text
    (tmp_path / "token").write_text(token(pachd, "p"))
    start("--token-file", str(tmp_path / "token"))
    assert counts(run(pachctl, "p")) == (2, 0, 2)
    assert pachctl("get", "file", "p@master:/two") == "two"
