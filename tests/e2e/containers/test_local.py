"""A datum of a pipeline that runs in containers, run by hand: in a container of the same image."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import Images, by_hand
from e2e.support import BIN, Pachctl, run, spec

pytestmark = pytest.mark.e2e

SHOW = "env > /pfs/out/env; cat /pfs/*/a"
OTHERS = ("PPS_POD_NAME=", "_=", "SHLVL=")


@pytest.fixture
def place(pachctl: Pachctl, images: Images, name: str) -> str:
    """A job in an image with a variable of its own."""
    image = images.busybox("here:1", changes=["ENV OWN=yes"])
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="from the repo")
    text = spec(f"{name}-p", name, SHOW, transform={"image": image, "cmd": ["/bin/sh"], "stdin": [SHOW]})
    pachctl("create", "pipeline", text=text)
    job = run(pachctl, f"{name}-p")
    assert job["state"] == "JOB_SUCCESS", job
    return f"{name}-p@{job['job']['id']}"


def datum_of(pachctl: Pachctl, job: str) -> str:
    return str(pachctl.json("list", "datum", job)[0]["datum"]["id"])


def test_a_datum_sees_the_image_and_the_environment_of_its_job(
    pachctl: Pachctl, place: str, engine: Any, scratch: Path, tmp_path: Path
) -> None:
    done = pachctl.run("run", "datum", place, datum_of(pachctl, place), "-o", str(tmp_path / "o"), check=True)
    assert b"from the repo" in done.stderr
    pipeline, _, id = place.partition("@")
    here, there = (tmp_path / "o" / "env").read_text(), pachctl("get", "file", f"{pipeline}@{id}:/env")
    kept = [sorted(line for line in text.splitlines() if not line.startswith(OTHERS)) for text in (here, there)]
    assert kept[0] == kept[1]
    assert "OWN=yes" in here
    assert by_hand(engine, scratch) == []


def test_a_shell_is_in_the_container(pachctl: Pachctl, place: str) -> None:
    words = ("run", "datum", place, datum_of(pachctl, place), "--shell")
    done = pachctl.run(*words, text="ls /; cat /pfs/*/a > /pfs/out/x", check=True)
    assert b"pfs" in done.stderr
    assert b"home" not in done.stderr, "this is not the host"
    assert done.stdout.decode().splitlines()[1:] == ["13B  /x"]


def typed(pachctl: Pachctl, place: str, text: bytes) -> tuple[int, bytes]:
    """Exit code of a shell at a terminal, and what is seen there."""
    ours, theirs = pty.openpty()
    words = [str(BIN / "pachctl"), "run", "datum", place, datum_of(pachctl, place), "--shell"]
    process = subprocess.Popen(words, env=pachctl.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, text)
    seen = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                seen += os.read(ours, 1 << 16)
            except OSError:
                break
    os.close(ours)
    return process.wait(30), seen


def test_a_shell_at_a_terminal_is_in_the_container(pachctl: Pachctl, place: str) -> None:
    status, seen = typed(pachctl, place, b"test -t 0 && echo own-$OWN-$((6*7)); cp /pfs/*/a /pfs/out/kept; exit 4\n")
    assert status == 4, seen
    assert b"own-yes-42" in seen
    assert b"/kept" in seen
    assert b"success" not in seen


def test_a_datum_and_its_shell_are_bound_as_in_the_job(pachctl: Pachctl, busybox: str, name: str) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="x")
    show = "id -u; pwd; cat /sys/fs/cgroup/memory.max 2> /dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
    transform = {"image": busybox, "cmd": ["/bin/sh"], "stdin": [show], "user": "1000", "working_dir": "/tmp"}
    limits = {"memory": "64Mi"}
    pachctl("create", "pipeline", text=spec(f"{name}-p", name, "", transform=transform, resource_limits=limits))
    place = f"{name}-p@{run(pachctl, f'{name}-p')['job']['id']}"
    bounds = f"1000\n/tmp\n{64 << 20}\n"
    done = pachctl.run("run", "datum", place, datum_of(pachctl, place), check=True)
    assert done.stderr.decode().startswith(bounds)
    done = pachctl.run("run", "datum", place, datum_of(pachctl, place), "--shell", text=show, check=True)
    assert bounds in done.stderr.decode()


def test_an_image_without_a_shell_is_said_to_have_none(pachctl: Pachctl, images: Images, name: str) -> None:
    image = images.compiled("bare:1", "int main(void) { return 0; }")
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="x")
    pachctl("create", "pipeline", text=spec(f"{name}-p", name, "", transform={"image": image, "cmd": ["/program"]}))
    place = f"{name}-p@{run(pachctl, f'{name}-p')['job']['id']}"
    told = f'there is no shell in the image {images.id(image)}: cannot run "sh": no such command in PATH'
    assert told in pachctl.fails("run", "datum", place, datum_of(pachctl, place), "--shell")
    status, seen = typed(pachctl, place, b"echo lost\n")
    assert status == 1, seen
    assert told.encode() in seen
    assert b"success" not in seen


def test_an_image_that_cannot_be_had_is_said_so(pachctl: Pachctl, name: str, tmp_path: Path) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="x")
    place = tmp_path / "spec.json"
    place.write_text(spec(name + "-p", name, "", transform={"image": "localhost:1/no/such:1", "cmd": ["x"]}))
    err = pachctl.fails("dev", "-f", str(place))
    assert "localhost:1" in err


def test_code_in_an_image_is_tried_before_it_is_a_pipeline(
    pachctl: Pachctl, images: Images, name: str, scratch: Path, tmp_path: Path, engine: Any
) -> None:
    image = images.busybox("tried:1")
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="x")
    pachctl("put", "file", f"{name}@master:/b", text="y")
    transform = {"image": image, "cmd": ["/bin/sh"], "stdin": [f"cp /pfs/{name}/* /pfs/out/"]}
    (tmp_path / "spec.json").write_text(spec(name + "-p", name, "", transform=transform))
    out = pachctl("dev", "-f", str(tmp_path / "spec.json"), "--all")
    assert [line.split()[1] for line in out.splitlines() if line.endswith(("/a", "/b"))] == ["/a", "/b"]
    assert by_hand(engine, scratch) == []
    assert json.loads((tmp_path / "spec.json").read_text())["pipeline"]["name"] not in pachctl("list", "pipeline")
