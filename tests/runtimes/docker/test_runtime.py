"""The runtime as a whole, on an engine in memory, with a worker program that is a few lines of Python."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtimes.docker.support import FakeEngine

from hathi.engine.values import Exit, Image, Plan
from hathi.runtimes.docker import companion, runtime
from hathi.runtimes.docker.runtime import DockerRuntime
from hathi.runtimes.interface import GroupStatus, WorkerGroup
from hathi.runtimes.keeping import keeper
from hathi.runtimes.keeping.place import Place

KEY = "default/p/v1"
WORKER = (
    "import sys; print('listening 1 secret', flush=True); print('ready', flush=True)\n"
    "for line in sys.stdin:\n"
    "    if not line.startswith('token'): print('listening', int(line.split()[0]) + 1, 'other', flush=True)"
)


class Rig:
    def __init__(self, folder: Path, engine: Any) -> None:
        place = Place(lambda: "localhost:1", folder / "workers", command=(sys.executable, "-Sc", WORKER))
        self.runtime = DockerRuntime(place, "cluster", engine)
        self._changed = threading.Condition()
        self.runtime.on_change(self._note)

    def _note(self, key: str) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[GroupStatus], bool]) -> GroupStatus:
        """Return the first status seen that fulfils a condition; what comes after it may be another."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: next((status for status in [self.runtime.observe()[KEY]] if condition(status)), None), 60
            )
        assert found, self.runtime.observe()
        return found


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def rig(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(companion, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(runtime, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(runtime, "REMEMBERED_SECONDS", 0.0)
    rig = Rig(tmp_path, engine)
    yield rig
    rig.runtime.close()


def group(image: str = "image:1") -> WorkerGroup:
    return WorkerGroup(KEY, "default", "p", 1, 1, {"image": image})


def left(labels: dict[str, str]) -> Plan:
    return Plan("left", Image("sha256:one"), ("/x",), {}, labels, ())


def test_a_group_runs_in_containers_and_tells_the_image(rig: Rig, engine: FakeEngine) -> None:
    rig.runtime.ensure(group())
    status = rig.wait(lambda status: status.ready == 1)
    assert (status.wanted, status.image) == (1, "sha256:one")
    engine.wait_for(engine.running)
    rig.runtime.remove(KEY)
    assert engine.containers == {}


def test_an_image_that_cannot_be_had_is_the_problem_until_it_can(rig: Rig, engine: FakeEngine) -> None:
    rig.runtime.ensure(group("late:1"))
    status = rig.wait(lambda status: bool(status.problem))
    assert status.problem == 'the image "late:1" cannot be pulled: no such image'
    assert status.ready == 0
    engine.images["late:1"] = engine.images["image:1"]
    assert rig.wait(lambda status: status.ready == 1).problem == ""


def test_while_its_container_is_paused_a_worker_is_not_ready(rig: Rig, engine: FakeEngine) -> None:
    rig.runtime.ensure(group())
    rig.wait(lambda status: status.ready == 1)
    [container] = engine.wait_for(engine.running)
    others = engine.create(left({"hathi.cluster": "another"}))
    engine.wait_for(lambda: engine.listeners)
    engine.pause(others)
    engine.pause(container.id)
    status = rig.wait(lambda status: status.ready == 0)
    name = container.plan.name
    assert status.problem == f"the container {name} is paused; docker unpause {name} lets it go on"
    engine.pause(container.id, paused=False)
    assert rig.wait(lambda status: status.ready == 1).problem == ""


def test_what_a_dead_server_left_is_removed_and_nothing_else(engine: FakeEngine, tmp_path: Path) -> None:
    ours = engine.create(left({"hathi.cluster": "cluster", "hathi.server": "dead"}))
    others = engine.create(left({"hathi.cluster": "another", "hathi.server": "dead"}))
    nobodys = engine.create(left({}))
    rig = Rig(tmp_path, engine)
    assert engine.removed == [ours]
    assert set(engine.containers) == {others, nobodys}
    rig.runtime.close()


def test_an_engine_that_is_down_at_first_is_swept_when_it_is_up(engine: FakeEngine, tmp_path: Path) -> None:
    ours = engine.create(left({"hathi.cluster": "cluster", "hathi.server": "dead"}))
    engine.gone = True
    rig = Rig(tmp_path, engine)
    assert rig.runtime.check() == "the engine does not answer"
    engine.gone = False
    rig.runtime.ensure(group())
    rig.wait(lambda status: status.ready == 1)
    assert ours not in engine.containers
    rig.runtime.close()


def test_workers_that_are_ready_prove_that_workers_can_run(rig: Rig, engine: FakeEngine) -> None:
    rig.runtime.ensure(group())
    rig.wait(lambda status: status.ready == 1)
    engine.wait_for(engine.running)  # the worker here says that it is ready without a container
    engine.gone = True
    assert rig.runtime.check() == ""
    engine.gone = False


def test_a_container_that_cannot_be_removed_now_is_removed_later(rig: Rig, engine: FakeEngine) -> None:
    rig.runtime.ensure(group())
    rig.wait(lambda status: status.ready == 1)
    engine.wait_for(engine.running)
    engine.gone = True
    rig.runtime.remove(KEY)
    engine.gone = False
    engine.wait_for(lambda: not engine.containers)


def test_the_engine_is_told_apart_while_it_answers(rig: Rig, engine: FakeEngine) -> None:
    assert rig.runtime.engine() == "this engine"
    engine.gone = True
    assert rig.runtime.engine() == ""
    engine.gone = False


def test_an_image_that_was_removed_under_a_worker_is_found_anew(rig: Rig, engine: FakeEngine) -> None:
    rig.runtime.ensure(group())
    rig.wait(lambda status: status.ready == 1)
    (first,) = engine.wait_for(engine.running)
    del engine.images["image:1"]
    engine.end(first.id, Exit(137))
    rig.wait(lambda status: "cannot be pulled" in status.problem)
    engine.images["image:1"] = Image("sha256:two")
    assert rig.wait(lambda status: status.ready == 1).image == "sha256:two"
