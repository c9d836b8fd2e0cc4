"""The image of the server and the workers: built as documented, and run as documented."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import Images, contained, python_and_pip, state, until
from e2e.ports import Port
from e2e.support import ROOT, Pachctl, counts, run, spec, unavailable

pytestmark = pytest.mark.e2e

SOCKET = "/var/run/docker.sock"
NAMESPACES = ("--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined")

ORPHAN = "import os; os.fork() or os.fork() or os.execvp('true', ['true'])"
"""Leaves a process that ends when its parent has ended."""

ZOMBIES = "grep -l 'State:.Z' /proc/[0-9]*/status || true"


@pytest.fixture(scope="session")
def image(engine: Any, images: Images) -> str:
    """Built from this checkout with a wheelhouse, as is documented for machines without a package index."""
    if shutil.which("docker") is None:
        unavailable("no docker command")
    packages = Path(sys.prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    base = images.workshop("pachd-base:1", python_and_pip(*packages.rglob("*.so")))
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in subprocess.check_output(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True
        ).split("\n"):
            if name.startswith(("src/", "images/pachd/", "requirements/")) or (
                "/" not in name and (ROOT / name).is_file()
            ):
                (context / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, context / name)
        wheels = [sys.executable, "-m", "pip", "download", "-q", "--dest", str(context / "wheels")]
        wheels += ["-c", "requirements/test.txt", "--only-binary", ":all:", "hatchling", "."]
        if (done := subprocess.run(wheels, cwd=context, capture_output=True, text=True)).returncode:
            unavailable(f"no wheels can be had here: {done.stderr[-500:]}")
        tag = images.built(f"{images.prefix}/pachd:1")
        command = ["docker", "build", "-f", "images/pachd/Dockerfile", "-t", tag, "--network", "none"]
        command += ["--build-arg", f"BASE={base}", "--build-arg", "PIP_ARGS=--no-index", "."]
        built = subprocess.run(command, cwd=context, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        for step in reversed(re.findall(r" ---> ([0-9a-f]+)$", built.stdout, re.MULTILINE)):
            images.built(step)  # the classic builder leaves its first stage behind
    return tag


class Container:
    """A pachd in a container, reached from this machine."""

    def __init__(self, name: str, image: str, config: Path, *options: str) -> None:
        self.name = name
        self._port = Port()
        self.pachctl = Pachctl(f"grpc://127.0.0.1:{self._port.number}", config)
        docker("run", "-d", "--name", name, "-p", f"127.0.0.1:{self._port.number}:30650", *options, image)
        self.wait()

    def wait(self) -> None:
        until(lambda: self.pachctl.run("version").returncode == 0 or not self.runs())
        assert self.runs(), docker("logs", self.name)

    def runs(self) -> bool:
        return docker("inspect", self.name, "--format", "{{.State.Running}}").strip() == "true"

    def exec(self, *words: str) -> str:
        return docker("exec", self.name, *words)

    def stop(self) -> int:
        """Stop it as `docker stop` does, with the time that this gives. Returns the exit status."""
        docker("stop", self.name)
        return int(docker("inspect", self.name, "--format", "{{.State.ExitCode}}"))

    def start(self) -> None:
        docker("start", self.name)
        self.wait()


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def server(image: str, name: str, tmp_path: Path) -> Iterator[Any]:
    """Starts pachd in a container with some options."""
    made: list[str] = []

    def start(*options: str) -> Container:
        made.append(f"hathi-test-{os.getpid()}-{name}")
        return Container(made[-1], image, tmp_path / "config.json", *options)

    yield start
    for each in made:
        subprocess.run(["docker", "rm", "-fv", each], capture_output=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the engine sees at the same path."""
    with tempfile.TemporaryDirectory(prefix="hathi-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_pachd_in_a_container_starts_containers_beside_it_and_keeps_its_data(
    server: Any, engine: Any, busybox: str, name: str, folder: Path
) -> None:
    pachd = server("-v", f"{SOCKET}:{SOCKET}", "-v", f"{folder}:{folder}", "-e", f"HATHI_ROOT={folder}")
    pachctl = pachd.pachctl
    pachctl("create", "repo", name)
    for word in ("one", "two"):
        pachctl("put", "file", f"{name}@master:/{word}", text=word)
    script = f"cp /pfs/{name}/* /pfs/out; hostname > /pfs/out/on-$(ls /pfs/{name})"
    pachctl("create", "pipeline", text=contained("p", name, busybox, "sh", "-c", script))
    assert run(pachctl, "p")["state"] == "JOB_SUCCESS"
    assert pachctl("get", "file", "p@master:/two") == "two"
    label = f"hathi.cluster={(folder / 'cluster-id').read_text().strip()}"
    (beside,) = engine.containers(filters={"label": label})
    assert beside["Id"].startswith(pachctl("get", "file", "p@master:/on-two").strip())

    assert pachd.stop() == 0
    assert not engine.containers(all=True, filters={"label": label})
    pachd.start()
    assert pachctl("get", "file", "p@master:/one") == "one"
    pachctl("put", "file", f"{name}@master:/three", text="three")
    assert counts(run(pachctl, "p")) == (1, 2, 3)
    assert pachd.stop() == 0


def test_a_root_folder_that_the_engine_does_not_see_is_the_reason(server: Any, busybox: str, name: str) -> None:
    pachctl = server("-v", f"{SOCKET}:{SOCKET}").pachctl
    pachctl("create", "repo", name)
    pachctl("create", "pipeline", text=contained("p", name, busybox, "true"))
    reason = until(lambda: (told := state(pachctl, "p"))[0] == "CRASHING" and told[1])
    assert "bind source path does not exist: /var/lib/hathi/" in str(reason)
    assert "docker run -v DIR:DIR -e HATHI_ROOT=DIR" in str(reason)


def test_without_an_engine_commands_run_inside_and_nothing_is_left_of_them(server: Any, name: str) -> None:
    """Needs namespaces. What ends without a parent is buried, and the container is well."""
    pachd = server(*NAMESPACES)
    pachctl = pachd.pachctl
    pachctl("create", "repo", name)
    for word in ("one", "two"):
        pachctl("put", "file", f"{name}@master:/{word}", text=word)
    document = spec("p", name, f"cp /pfs/{name}/* /pfs/out; sleep 1000 &")
    pachctl("create", "pipeline", text=document)
    assert run(pachctl, "p")["state"] == "JOB_SUCCESS"
    assert pachctl("get", "file", "p@master:/two") == "two"
    pachd.exec("python3", "-c", ORPHAN)
    pachctl("update", "pipeline", "--reprocess", text=document)  # its workers end, and so do their sandboxes
    run(pachctl, "p")
    until(lambda: "sleep 1000" not in pachd.exec("ps") and not pachd.exec("sh", "-c", ZOMBIES))
    assert "pachd" in pachd.exec("pachctl", "version"), "as the health check asks"
    assert pachd.stop() == 0


def test_without_namespaces_the_reason_names_the_options_that_allow_them(server: Any, name: str) -> None:
    pachctl = server().pachctl
    pachctl("create", "repo", name)
    pachctl("create", "pipeline", text=spec("p", name, "true"))
    reason = until(lambda: (told := state(pachctl, "p"))[0] == "CRASHING" and told[1])
    assert " ".join(NAMESPACES) in str(reason)


def test_workers_in_containers_of_their_own_work_over_the_network(
    server: Any, image: str, engine: Any, name: str
) -> None:
    """They see no folder of the server's, follow the pipeline to its next version, and may come and go."""
    network = f"hathi-test-{os.getpid()}"
    docker("network", "create", network)
    workers = [f"{network}-worker-{n}" for n in (1, 2)]
    try:
        pachd = server("--network", network, "--network-alias", "pachd", "-e", "HATHI_RUNTIME=external")
        pachctl = pachd.pachctl
        pachctl("create", "repo", name)
        for word in ("one", "two"):
            pachctl("put", "file", f"{name}@master:/{word}", text=word)
        script = f"cp /pfs/{name}/* /pfs/out; hostname > /pfs/out/on-$(ls /pfs/{name})"
        pachctl("create", "pipeline", text=spec("p", name, script))
        reason = until(lambda: (told := state(pachctl, "p"))[0] == "CRASHING" and told[1])
        assert "start some with hathi-worker --pipeline default/p" in str(reason)

        token = f"HATHI_WORKER_TOKEN={pachd.exec('pachd', '--worker-token', 'p').strip()}"
        options = ("--network", network, "-e", "PACHD_ADDRESS=pachd:30650", "-e", token, *NAMESPACES, image)
        docker("run", "-d", "--name", workers[0], *options, "hathi-worker", "--pipeline", "p")
        until(lambda: state(pachctl, "p") == ("RUNNING", ""))
        assert counts(run(pachctl, "p")) == (2, 0, 2)
        assert pachctl("get", "file", "p@master:/two") == "two"
        first = engine.inspect_container(workers[0])["Id"]
        assert first.startswith(pachctl("get", "file", "p@master:/on-one").strip())

        docker("stop", workers[0])
        assert engine.inspect_container(workers[0])["State"]["ExitCode"] == 0
        until(lambda: state(pachctl, "p")[0] == "CRASHING")
        pachctl("update", "pipeline", "--reprocess", text=spec("p", name, script))
        docker("run", "-d", "--name", workers[1], *options, "hathi-worker", "--pipeline", "p")
        assert counts(run(pachctl, "p")) == (2, 0, 2)
        second = engine.inspect_container(workers[1])["Id"]
        assert second.startswith(pachctl("get", "file", "p@master:/on-one").strip())
        pachctl("update", "pipeline", "--reprocess", text=spec("p", name, "true"))
        assert counts(run(pachctl, "p")) == (2, 0, 2)
        assert pachd.stop() == 0
    finally:
        for each in (*workers, f"{network}-{name}"):
            subprocess.run(["docker", "rm", "-fv", each], capture_output=True)
        docker("network", "rm", network)
