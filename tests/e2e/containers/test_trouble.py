"""What goes wrong shows within seconds, in the engine's words, and is over when its cause is."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import (
    Images,
    cluster,
    contained,
    containers,
    private_engine,
    state,
    until,
)
from e2e.support import Pachctl, Pachd, counts, run

from hathi.datum.limits import MAX_PROCESSES

pytestmark = pytest.mark.e2e

SECONDS = 30.0
"""How soon trouble must show on a busy machine."""


@pytest.fixture
def repo(pachctl: Pachctl, name: str) -> str:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="text")
    return name


def reasons(pachctl: Pachctl, pipeline: str) -> str:
    """What the worker wrote about failed attempts."""
    return pachctl("logs", "-p", pipeline)


def test_an_image_that_does_not_exist_is_the_reason_until_it_does(pachctl: Pachctl, images: Images, repo: str) -> None:
    missing = f"127.0.0.1:9/{images.prefix}/late:1"
    p = f"{repo}-p"
    pachctl("create", "pipeline", text=contained(p, repo, missing, "sh", "-c", f"cp /pfs/{repo}/a /pfs/out"))
    reason = until(lambda: (told := state(pachctl, p))[0] == "CRASHING" and told[1], SECONDS)
    assert f'the image "{missing}" cannot be pulled' in str(reason)
    assert "connection refused" in str(reason)
    (job,) = pachctl.json("list", "job", "-p", p)
    assert (job["state"], job["reason"]) == ("JOB_STARTING", reason)
    images.tag(images.busybox("late:1"), missing)
    assert counts(run(pachctl, p)) == (1, 0, 1)
    assert state(pachctl, p) == ("RUNNING", "")


def test_a_command_that_is_missing_fails_the_job_and_is_named(pachctl: Pachctl, busybox: str, repo: str) -> None:
    p = f"{repo}-p"
    pachctl("create", "pipeline", text=contained(p, repo, busybox, "no-such-program", datum_tries=1))
    assert run(pachctl, p)["state"] == "JOB_FAILURE"
    assert 'cannot run "no-such-program": no such command in PATH' in reasons(pachctl, p)


def test_an_image_for_another_machine_is_named_as_such(
    pachctl: Pachctl, images: Images, busybox: str, repo: str
) -> None:
    machine = "arm64" if os.uname().machine == "x86_64" else "amd64"
    foreign = images.foreign("foreign:1", busybox, machine)
    p = f"{repo}-p"
    pachctl("create", "pipeline", text=contained(p, repo, foreign, "sh"))
    reason = until(lambda: (told := state(pachctl, p))[0] == "CRASHING" and told[1], SECONDS)
    assert f'the image "{foreign}" is for {machine}, the engine is for' in str(reason)
    assert "exec format error" in str(reason)


def test_a_limit_that_the_engine_refuses_is_the_reason(pachctl: Pachctl, busybox: str, repo: str) -> None:
    p = f"{repo}-p"
    document = contained(p, repo, busybox, "true", resource_limits={"cpu": 1, "memory": "1Ki"})
    pachctl("create", "pipeline", text=document)
    reason = until(lambda: (told := state(pachctl, p))[0] == "CRASHING" and told[1], SECONDS)
    assert "emory limit" in str(reason)


def test_limits_are_those_of_the_container(pachctl: Pachctl, busybox: str, repo: str) -> None:
    """A quarter of a processor, as the kernel counts: so many microseconds in so many; and 64 MiB."""
    p = f"{repo}-p"
    files = "/sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max"
    older = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us"
    script = f"cat {files} {older} /sys/fs/cgroup/memory/memory.limit_in_bytes > /pfs/out/limits 2>/dev/null; true"
    limits = {"cpu": 0.25, "memory": "64Mi"}
    pachctl("create", "pipeline", text=contained(p, repo, busybox, "sh", "-c", script, resource_limits=limits))
    run(pachctl, p)
    quota, period, memory = map(int, pachctl("get", "file", f"{p}@master:/limits").split())
    assert (quota / period, memory) == (0.25, 64 << 20)


def test_a_datum_that_is_killed_for_memory_says_so_and_tells_the_limit(
    pachctl: Pachctl, images: Images, repo: str
) -> None:
    image = images.compiled(
        "greedy:1",
        "#include <stdlib.h>\n#include <string.h>\n#include <stdio.h>\n"
        "int main(void) { for (int i = 0; i < 4000; i++) memset(malloc(1 << 20), i, 1 << 20); return 0; }",
    )
    p = f"{repo}-p"
    document = contained(p, repo, image, "/program", datum_tries=1, resource_limits={"memory": "48Mi"})
    pachctl("create", "pipeline", text=document)
    assert run(pachctl, p)["state"] == "JOB_FAILURE"
    assert "killed for using more memory than its limit of 48 MiB" in reasons(pachctl, p)
    assert state(pachctl, p)[0] == "RUNNING", "the container lives on"


def test_a_fork_bomb_ends_at_the_limit_of_its_container_and_its_datum_says_so(
    pachctl: Pachctl, images: Images, repo: str
) -> None:
    image = images.compiled(
        "forks:1",
        "#include <unistd.h>\nint main(void) { for (int i = 0; i < 20000; i++) { int p = fork(); "
        "if (p < 0) return 3; if (p == 0) { pause(); return 0; } } return 0; }",
    )
    p = f"{repo}-p"
    pachctl("create", "pipeline", text=contained(p, repo, image, "/program", datum_tries=1))
    assert run(pachctl, p)["state"] == "JOB_FAILURE"
    assert f"exited with status 3, after it could not start more than {MAX_PROCESSES} processes" in reasons(pachctl, p)


def test_a_container_that_is_removed_under_a_datum_costs_no_attempt(
    pachctl: Pachctl, docker_pachd: Pachd, engine: Any, busybox: str, repo: str
) -> None:
    p = f"{repo}-p"
    script = f"cat /pfs/{repo}/a > /pfs/out/a; echo started; test -e /go || sleep 1000; true"
    document = contained(p, repo, busybox, "sh", "-c", script, datum_tries=1, parallelism_spec={"constant": 1})
    pachctl("create", "pipeline", text=document)
    until(lambda: "started" in pachctl("logs", "-p", p))

    def ours() -> list[str]:
        found = containers(engine, cluster(docker_pachd))
        running = [each for each in found if each["State"] == "running"]  # not one that is about to start
        return [each["Id"] for each in running if each["Labels"]["hathi.group"] == f"default/{p}/v1"]

    (first,) = ours()
    engine.remove_container(first, force=True)
    second = until(lambda: next((id for id in ours() if id != first), ""))
    engine.exec_start(engine.exec_create(second, ["sh", "-c", "echo > /go"]))
    until(lambda: "the attempt is repeated: the container ended" in pachctl("logs", "-p", p))
    until(lambda: pachctl("logs", "-p", p).count("started") == 2)
    engine.exec_start(engine.exec_create(second, ["sh", "-c", "/bin/busybox killall sleep"]))
    assert counts(run(pachctl, p)) == (1, 0, 1)
    assert pachctl("get", "file", f"{p}@master:/a") == "text"


def test_a_container_that_is_paused_is_the_reason_until_it_goes_on(
    pachctl: Pachctl, docker_pachd: Pachd, engine: Any, busybox: str, repo: str
) -> None:
    p = f"{repo}-p"
    pachctl("create", "pipeline", text=contained(p, repo, busybox, "sh", "-c", f"cp /pfs/{repo}/* /pfs/out"))
    assert counts(run(pachctl, p)) == (1, 0, 1)
    group = f"default/{p}/v1"
    (id,) = (each["Id"] for each in containers(engine, cluster(docker_pachd)) if each["Labels"]["hathi.group"] == group)
    engine.pause(id)
    try:
        reason = until(lambda: (told := state(pachctl, p))[0] == "CRASHING" and told[1], SECONDS)
        assert "is paused; docker unpause" in str(reason)
        pachctl("put", "file", f"{repo}@master:/b", text="more")
        until(lambda: (pachctl.json("list", "job", "-p", p)[0]["state"]) == "JOB_STARTING", SECONDS)
        assert pachctl.json("list", "job", "-p", p)[0]["reason"] == reason
    finally:
        engine.unpause(id)
    assert counts(run(pachctl, p)) == (1, 1, 2)
    assert state(pachctl, p) == ("RUNNING", "")


def test_what_a_killed_pachd_left_is_removed_and_nothing_else(
    tmp_path: Path, engine: Any, images: Images, busybox: str
) -> None:
    stranger = engine.create_container(busybox, ["sleep", "1000"], labels={"hathi.cluster": "another"})["Id"]
    server = Pachd(tmp_path / "root", "--runtime", "docker").start()
    try:
        pachctl = Pachctl(server.address, tmp_path / "config.json")
        pachctl("create", "repo", "data")
        pachctl("create", "pipeline", text=contained("p", "data", busybox, "true", parallelism_spec={"constant": 2}))
        until(lambda: state(pachctl, "p")[0] == "RUNNING")
        left = {each["Id"] for each in containers(engine, cluster(server))}
        server.kill()
        assert left <= {each["Id"] for each in containers(engine, cluster(server))}
        server.start()
        until(lambda: not left & {each["Id"] for each in containers(engine, cluster(server))})
        until(lambda: state(pachctl, "p")[0] == "RUNNING")
        assert engine.inspect_container(stranger)["State"]["Status"] == "created"
        server.stop()
        assert containers(engine, cluster(server)) == []
    finally:
        server.stop()
        engine.remove_container(stranger, force=True)


def test_an_engine_that_is_killed_and_started_again_costs_no_output(tmp_path: Path) -> None:
    """The job completes with every output once, the pipeline says meanwhile what is wrong, no container is left."""
    with private_engine() as engine:
        import docker

        client = docker.APIClient(engine.address, version="auto")
        images = Images(client, "hathi-test")
        image = images.busybox("busybox:1")
        server = Pachd(tmp_path / "root", "--runtime", "docker", environment={"DOCKER_HOST": engine.address}).start()
        try:
            pachctl = Pachctl(server.address, tmp_path / "config.json")
            pachctl("create", "repo", "data")
            files = tmp_path / "files"
            files.mkdir()
            for number in range(12):
                (files / str(number)).write_text(f"{number}\n")
            pachctl("put", "file", "-r", "-f", str(files), "data@master:/")
            script = "f=$(ls /pfs/data); echo at $f; sleep 0.5; cat /pfs/data/$f >> /pfs/out/all-$f"
            document = contained("p", "data", image, "sh", "-c", script, datum_tries=1)
            pachctl("create", "pipeline", text=document)
            until(lambda: "at " in pachctl("logs", "-p", "p"))
            engine.kill()
            reason = until(lambda: "does not answer" in state(pachctl, "p")[1], SECONDS)
            assert reason
            engine.start().ready()
            done = threading.Event()
            threading.Thread(target=lambda: (run(pachctl, "p"), done.set()), daemon=True).start()
            assert done.wait(120)
            assert counts(run(pachctl, "p")) == (12, 0, 12)
            pachctl("get", "file", "-r", "p@master:/", "-o", str(tmp_path / "out"))
            found = {path.name: path.read_text() for path in (tmp_path / "out").rglob("all-*")}
            assert found == {f"all-{number}": f"{number}\n" for number in range(12)}
            until(lambda: len(containers(client, cluster(server))) == 1)
            until(lambda: state(pachctl, "p") == ("RUNNING", ""))
            server.stop()
            assert client.containers(all=True) == []
        finally:
            server.stop()
