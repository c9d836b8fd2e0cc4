"""A worker asks for containers, one after the other; whatever happens to them is told and made good."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runtimes.docker.support import FakeEngine

from hathi.engine.values import Exit, Image
from hathi.model.errors import InvalidError
from hathi.runtimes.docker import companion
from hathi.runtimes.docker.companion import Containers
from hathi.runtimes.interface import WorkerGroup


class Worker:
    """A life of a worker, and everything that it is told."""

    def __init__(self, scratch: Path) -> None:
        self.group = WorkerGroup("default/p/v1", "default", "p", 1, 1, {"image": "image:1"})
        self.name = "p-v1-0-abc"
        self.scratch = scratch
        self.ending = threading.Event()
        self.ready = False
        self.problem = ""
        self.image = ""
        self.restarts = 0
        self.ended = False
        self.said: list[str] = []
        self._changed = threading.Condition()

    def tell(self, *, ready: bool | None = None, problem: str | None = None) -> None:
        with self._changed:
            self.ready = self.ready if ready is None else ready
            self.problem = self.problem if problem is None else problem
            self._changed.notify_all()

    def runs(self, image: str) -> None:
        self.image = image

    def restarted(self) -> None:
        self.restarts += 1

    def say(self, line: str) -> None:
        with self._changed:
            self.said.append(line)
            self._changed.notify_all()

    def hang_up(self) -> None:
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait_for(self, condition: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60), (self.ready, self.problem, self.said)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion, "FIRST_PAUSE", 0.001)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


@pytest.fixture
def containers(engine: Any, worker: Worker) -> Iterator[Containers]:
    made = start(engine, worker)
    yield made
    made.close()


def start(engine: Any, worker: Worker) -> Containers:
    return Containers(engine, engine.images["image:1"], worker, {"hathi.cluster": "c"}, "hathi-c", engine.remove)


def test_a_container_is_made_when_the_worker_listens(
    engine: FakeEngine, worker: Worker, containers: Containers, tmp_path: Path
) -> None:
    assert engine.containers == {}
    containers.heard("listening 1 secret")
    (made,) = engine.wait_for(engine.running)
    plan = made.plan
    assert (plan.image.id, plan.name) == ("sha256:one", "hathi-c-p-v1-0-abc-1")
    assert plan.command == ("/.hathi/shim", "serve", "--unix", "/.hathi/wire")
    assert plan.env == {"HATHI_SHIM_TOKEN": "secret"}
    assert plan.labels == {"hathi.cluster": "c", "hathi.group": "default/p/v1", "hathi.worker": "p-v1-0-abc"}
    assert [(mount.source, mount.target, mount.read_only) for mount in plan.mounts] == [
        (tmp_path / "box-1" / "link", "/.hathi", True),
        (tmp_path / "box-1" / "pfs", "/pfs", False),
    ]


def test_the_worker_is_told_about_the_image(engine: FakeEngine, worker: Worker) -> None:
    engine.images["image:1"] = Image("sha256:two", (), {"A": "b"}, "app", "amd64")
    made = start(engine, worker)
    options = dict(zip(made.options()[::2], made.options()[1::2], strict=True))
    made.close()
    told = json.loads(Path(options["--image"]).read_text())
    assert told == {"name": "sha256:two", "env": {"A": "b"}, "user": "app", "brings_shim": False}
    assert options["--shim"].endswith("hathi-shim-x86_64")
    assert worker.image == "sha256:two"


def test_an_image_may_bring_its_own_shim(engine: FakeEngine, worker: Worker) -> None:
    engine.images["image:1"] = Image("sha256:two", labels={"hathi.shim": "/own"})
    made = start(engine, worker)
    made.heard("listening 1 secret")
    (container,) = engine.wait_for(engine.running)
    assert container.plan.command[0] == "/own"
    assert json.loads((worker.scratch / "image.json").read_text())["brings_shim"]
    made.close()


def test_a_folder_that_the_engine_does_not_see_is_told_with_what_to_do(engine: FakeEngine, worker: Worker) -> None:
    """pachd may run in a container itself, whose files are not those of the engine's machine."""
    engine.refusal = f"bind source path does not exist: {worker.scratch}/box-1/link"
    made = start(engine, worker)
    made.heard("listening 1 secret")
    worker.wait_for(lambda: worker.problem)
    assert engine.refusal in worker.problem
    assert "docker run -v DIR:DIR -e HATHI_ROOT=DIR" in worker.problem
    made.close()


def test_a_place_in_the_image_that_no_folder_fits_is_not_blamed_on_the_folder(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    engine.refusal = f'error mounting "{worker.scratch}/box-1/pfs" to rootfs at "/pfs": not a directory'
    containers.heard("listening 1 secret")
    worker.wait_for(lambda: worker.problem)
    assert worker.problem == f'no container of the image "image:1" can be started: {engine.refusal}'


def test_when_a_container_has_ended_the_worker_hears_why_and_gets_another(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    containers.heard("listening 1 secret")
    (first,) = engine.wait_for(engine.running)
    containers.heard("ready")
    engine.end(first.id, Exit(137, error="killed"))
    worker.wait_for(lambda: worker.said)
    serial, told = worker.said[0].split(" ", 1)
    assert serial == "1"
    assert json.loads(told) == {"reason": "the container ended with status 137: killed", "blameless": True}
    assert not worker.ready
    containers.heard("listening 2 other")
    (second,) = engine.wait_for(engine.running)
    assert second.plan.name.endswith("-2")
    assert first.id in engine.removed
    assert worker.restarts == 1


def test_a_container_that_was_killed_for_memory_is_told_as_such(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    containers.heard("listening 1 secret")
    (first,) = engine.wait_for(engine.running)
    containers.heard("ready")
    engine.end(first.id, Exit(137, memory=True))
    worker.wait_for(lambda: worker.said)
    assert not json.loads(worker.said[0].split(" ", 1)[1])["blameless"]


def test_a_container_that_lost_its_worker_is_ended_before_the_next_is_made(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    containers.heard("listening 1 secret")
    (first,) = engine.wait_for(engine.running)
    containers.heard("ready")
    containers.heard("listening 2 other")
    engine.wait_for(lambda: first.id not in engine.containers and engine.running())


def test_what_the_engine_refuses_is_the_problem_until_it_does_not(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    engine.refusal = "no space left"
    containers.heard("listening 1 secret")
    worker.wait_for(lambda: worker.problem)
    assert worker.problem == 'no container of the image "image:1" can be started: no space left'
    engine.refusal = ""
    engine.wait_for(engine.running)
    assert len(engine.containers) == 1, "those that could not be started are removed"


def test_a_worker_whose_image_was_removed_ends_so_that_the_next_finds_it_anew(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    engine.images.clear()
    containers.heard("listening 1 secret")
    worker.wait_for(lambda: worker.ended)
    assert "No such image: sha256:one" in worker.problem


def test_an_image_for_another_machine_is_named_as_such(engine: FakeEngine, worker: Worker) -> None:
    engine.images["image:1"] = Image("sha256:two", machine="arm64")
    engine.words = "exec format error"
    made = start(engine, worker)
    made.heard("listening 1 secret")
    (container,) = engine.wait_for(engine.running)
    engine.end(container.id, Exit(1))
    worker.wait_for(lambda: worker.problem)
    assert worker.problem == (
        'the image "image:1" is for arm64, the engine is for amd64: '
        "the container ended with status 1: exec format error"
    )
    engine.wait_for(lambda: container.id not in engine.containers and engine.running())
    made.close()


def test_an_engine_that_is_gone_is_the_problem_while_it_is_gone(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    """The container may live on: the worker is as ready as it was."""
    containers.heard("listening 1 secret")
    engine.wait_for(engine.running)
    containers.heard("ready")
    worker.tell(ready=True, problem="")
    engine.gone = True
    worker.wait_for(lambda: worker.problem == "the engine does not answer")
    assert worker.ready
    engine.gone = False
    worker.wait_for(lambda: worker.problem == "")
    assert len(engine.running()) == 1


def test_a_container_that_the_engine_cannot_start_now_is_started_later(
    engine: FakeEngine, worker: Worker, containers: Containers
) -> None:
    engine.gone = True
    containers.heard("listening 1 secret")
    worker.wait_for(lambda: worker.problem == "the engine does not answer")
    engine.gone = False
    engine.wait_for(engine.running)


def test_nothing_is_made_for_a_worker_that_ends(engine: FakeEngine, worker: Worker, containers: Containers) -> None:
    worker.ending.set()
    containers.heard("listening 1 secret")
    containers.close()
    assert engine.containers == {}


def test_the_container_goes_with_its_worker(engine: FakeEngine, worker: Worker) -> None:
    made = start(engine, worker)
    made.heard("listening 1 secret")
    engine.wait_for(engine.running)
    made.close()
    assert engine.containers == {}


def test_a_limit_that_makes_no_sense_is_refused(engine: FakeEngine, worker: Worker) -> None:
    worker.group = WorkerGroup("k", "default", "p", 1, 1, {"image": "image:1"}, {"resource_limits": {"memory": "much"}})
    with pytest.raises(InvalidError, match="much"):
        start(engine, worker)


def test_what_nobody_foresaw_is_told_and_everything_is_made_anew(
    engine: FakeEngine, worker: Worker, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(plan: object) -> str:
        raise KeyError("x")

    monkeypatch.setattr(engine, "create", fails)
    containers.heard("listening 1 secret")
    worker.wait_for(lambda: worker.ended and worker.problem == "KeyError: 'x'")


def test_a_container_whose_end_cannot_be_watched_counts_as_ended(
    engine: FakeEngine, worker: Worker, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(id: str) -> None:
        raise RecursionError("deep")

    monkeypatch.setattr(engine, "wait", fails)
    containers.heard("listening 1 secret")
    worker.wait_for(lambda: "RecursionError: deep" in worker.problem)
