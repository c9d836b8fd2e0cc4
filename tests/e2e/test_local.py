"""A datum of a job is run on the user's machine: the same files, the same variables, nothing committed."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from pathlib import Path

import pytest
from e2e.support import BIN, Pachctl, run, spec

pytestmark = pytest.mark.e2e

SHOW = """
env | grep -v '^PPS_POD_NAME=' | grep -v '^_=' | sort > /pfs/out/env
cd /pfs && find . -path ./out -prune -o -type f -print | sort | xargs sha256sum > /pfs/out/files
cat /pfs/.env > /pfs/out/dotenv
echo said
"""


@pytest.fixture
def job(pachctl: Pachctl, name: str) -> str:
    """A job over two repos, one of them by folders, whose datums write down all they see."""
    left, right = f"{name}-l", f"{name}-r"
    for repo in (left, right):
        pachctl("create", "repo", repo)
    pachctl("put", "file", f"{left}@master:/a", text="left a")
    pachctl("put", "file", f"{right}@master:/d/one", text="1")
    pachctl("put", "file", f"{right}@master:/d/sub/two", text="2" * 3_000_000)
    leaves = [{"pfs": {"repo": left, "glob": "/*", "name": "l"}}, {"pfs": {"repo": right, "glob": "/*", "name": "r"}}]
    pachctl("create", "pipeline", text=spec(name, left, SHOW, input={"cross": leaves}))
    done = run(pachctl, name)
    assert done["state"] == "JOB_SUCCESS", done
    return f"{name}@{done['job']['id']}"


def datum_of(pachctl: Pachctl, job: str) -> str:
    (datum,) = pachctl.json("list", "datum", job)
    return str(datum["datum"]["id"])


def test_a_datum_sees_here_what_it_saw_in_its_job(pachctl: Pachctl, job: str, tmp_path: Path) -> None:
    commits = [each["commit_set"] for each in pachctl.json("list", "commit")]
    done = pachctl.run("run", "datum", job, datum_of(pachctl, job)[:12], "-o", str(tmp_path / "o"), check=True)
    assert b"said" in done.stderr
    assert done.stdout.decode().split()[:2] == ["SIZE", "NAME"]
    assert {line.split()[1] for line in done.stdout.decode().splitlines()[1:]} == {"/env", "/files", "/dotenv"}
    pipeline, _, id = job.partition("@")
    for file in ("files", "dotenv"):
        assert (tmp_path / "o" / file).read_text() == pachctl("get", "file", f"{pipeline}@{id}:/{file}")
    here, there = (tmp_path / "o" / "env").read_text(), pachctl("get", "file", f"{pipeline}@{id}:/env")
    assert re.sub("(?m)^PATH=.*", "", here) == re.sub("(?m)^PATH=.*", "", there)
    assert [each["commit_set"] for each in pachctl.json("list", "commit")] == commits


def test_a_shell_stands_where_the_command_would_run(pachctl: Pachctl, job: str) -> None:
    done = pachctl.run(
        "run", "datum", job, datum_of(pachctl, job), "--shell", text="cat /pfs/l/a; echo made > /pfs/out/x", check=True
    )
    assert b"left a" in done.stderr
    assert done.stdout.decode().splitlines()[1:] == ["5B   /x"]
    assert b"success" not in done.stderr, "a shell is not the datum's command"


@pytest.mark.parametrize(("typed", "status"), [("exit 4", 4), ("false", 1), ("kill -9 $$", 137)])
def test_a_shell_ends_with_its_own_status(pachctl: Pachctl, job: str, typed: str, status: int) -> None:
    text = f"echo made > /pfs/out/x\n{typed}\n"
    done = pachctl.run("run", "datum", job, datum_of(pachctl, job), "--shell", text=text)
    assert done.returncode == status
    assert done.stdout.decode().splitlines()[1:] == ["5B   /x"]
    assert b"failed" not in done.stderr


def test_what_is_in_a_folder_is_not_overwritten(pachctl: Pachctl, job: str, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    words = ("run", "datum", job, datum_of(pachctl, job), "-o", str(tmp_path / "o"))
    pachctl(*words)
    (tmp_path / "o" / "env").write_text("mine")
    assert f"{tmp_path}/o is not empty" in pachctl.fails(*words)
    assert (tmp_path / "o" / "env").read_text() == "mine"


def test_a_shell_at_a_terminal_is_one_to_work_in(pachctl: Pachctl, job: str) -> None:
    ours, theirs = pty.openpty()
    words = [str(BIN / "pachctl"), "run", "datum", job, datum_of(pachctl, job), "--shell"]
    process = subprocess.Popen(words, env=pachctl.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"tty; ps -o tty= -p $$ | grep -q pts && echo job-$((6*7)); exit\n")
    seen = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                seen += os.read(ours, 1 << 16)
            except OSError:
                break
    assert process.wait(30) == 0, seen
    assert b"job-42" in seen
    assert b"no job control" not in seen


def test_a_datum_that_fails_says_why_and_keeps_nothing(pachctl: Pachctl, name: str, tmp_path: Path) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="x")
    pachctl("create", "pipeline", text=spec(f"{name}-p", name, "echo half > /pfs/out/half; exit 3", datum_tries=1))
    job = run(pachctl, f"{name}-p")
    assert job["state"] == "JOB_FAILURE"
    place = f"{name}-p@{job['job']['id']}"
    err = pachctl.fails("run", "datum", place, datum_of(pachctl, place), "-o", str(tmp_path / "o"))
    assert "the command exited with status 3" in err
    assert not (tmp_path / "o").exists()


def test_an_id_that_is_no_datum_is_said_to_be_none(pachctl: Pachctl, job: str) -> None:
    assert "no datum has an id that begins" in pachctl.fails("run", "datum", job, "zz")


def test_links_to_inputs_are_followed(pachctl: Pachctl, name: str, tmp_path: Path) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/d/a", text="linked")
    script = f"ln -s /pfs/{name}/d /pfs/out/here"
    pachctl("create", "pipeline", text=spec(f"{name}-p", name, script))
    job = run(pachctl, f"{name}-p")
    place = f"{name}-p@{job['job']['id']}"
    pachctl("run", "datum", place, datum_of(pachctl, place), "-o", str(tmp_path / "o"))
    assert (tmp_path / "o" / "here" / "a").read_text() == "linked"
