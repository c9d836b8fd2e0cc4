"""What every runtime promises. A new runtime joins by a constructor in RUNTIMES."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtimes.docker.support import FakeEngine

from hathi.runtimes.docker.runtime import DockerRuntime
from hathi.runtimes.fake import FakeRuntime
from hathi.runtimes.interface import Runtime, WorkerGroup
from hathi.runtimes.process import Place, ProcessRuntime

WORKER = "import sys; print('ready', flush=True); sys.stdin.read()"


def process(folder: Path) -> Runtime:
    """The process runtime with a worker program that is ready and waits for its owner to go."""
    return ProcessRuntime(Place(lambda: "localhost:1", folder / "workers", command=(sys.executable, "-Sc", WORKER)))


def docker(folder: Path) -> Runtime:
    """The Docker runtime on an engine in memory, with the same worker program."""
    engine: Any = FakeEngine()
    place = Place(lambda: "localhost:1", folder / "workers", command=(sys.executable, "-Sc", WORKER))
    return DockerRuntime(place, "cluster", engine)


def fake(folder: Path) -> Runtime:
    return FakeRuntime()


RUNTIMES = [process, docker, fake]


class Watched:
    """A runtime and the keys it told of."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._changed = threading.Condition()
        runtime.on_change(self._note)

    def _note(self, key: str) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 30), self.runtime.observe()

    def ready(self, key: str) -> int:
        status = self.runtime.observe().get(key)
        return status.ready if status else -1


@pytest.fixture(params=RUNTIMES, ids=lambda make: make.__name__)
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    runtime = request.param(tmp_path)
    yield Watched(runtime)
    runtime.close()


def group(scale: int, key: str = "default/p/v1") -> WorkerGroup:
    return WorkerGroup(key, "default", "p", 1, scale, {"image": "image:1"})


def test_a_declared_group_comes_to_exist(watched: Watched) -> None:
    watched.runtime.ensure(group(2))
    watched.wait(lambda: watched.ready("default/p/v1") == 2)
    status = watched.runtime.observe()["default/p/v1"]
    assert (status.wanted, status.problem, status.restarts) == (2, "", 0)


def test_declaring_again_changes_the_scale(watched: Watched) -> None:
    watched.runtime.ensure(group(1))
    watched.runtime.ensure(group(3))
    watched.wait(lambda: watched.ready("default/p/v1") == 3)
    watched.runtime.ensure(group(1))
    watched.wait(lambda: watched.ready("default/p/v1") == 1)
    watched.runtime.ensure(group(0))
    assert watched.runtime.observe()["default/p/v1"].wanted == 0


def test_who_lives_is_told_by_name_or_not_at_all(watched: Watched) -> None:
    watched.runtime.ensure(group(2))
    watched.wait(lambda: watched.ready("default/p/v1") == 2)
    workers = watched.runtime.observe()["default/p/v1"].workers
    assert workers is None or len(workers) == 2


def test_groups_are_independent_and_removal_forgets(watched: Watched) -> None:
    watched.runtime.ensure(group(1, "a"))
    watched.runtime.ensure(group(1, "b"))
    watched.runtime.remove("a")
    watched.runtime.remove("a")
    watched.wait(lambda: watched.ready("b") == 1)
    assert list(watched.runtime.observe()) == ["b"]


def test_nothing_is_left_after_close(watched: Watched) -> None:
    watched.runtime.ensure(group(2))
    watched.runtime.close()
    watched.runtime.ensure(group(2))
    assert watched.runtime.observe() == {}
