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
from hathi.runtimes.interface import GroupStatus, Runtime, WorkerGroup
from hathi.runtimes.keeping import keeper
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.process import ProcessRuntime

WORKER = (
    "import os, sys\n"
    "if os.path.exists({broken!r}): sys.exit('the machine is broken')\n"
    "print('ready', flush=True); sys.stdin.read()"
)


class Made:
    """A runtime of one kind, whose machine can be broken for workers that are yet to start, and mended."""

    def __init__(self, folder: Path) -> None:
        self.broken = folder / "broken"
        command = (sys.executable, "-Sc", WORKER.format(broken=str(self.broken)))
        self.place = Place(lambda: "localhost:1", folder / "workers", command=command)
        self.runtime = self.make()

    def make(self) -> Runtime:
        raise NotImplementedError

    def break_(self) -> None:
        self.broken.touch()

    def mend(self) -> None:
        self.broken.unlink()


class Process(Made):
    def make(self) -> Runtime:
        return ProcessRuntime(self.place)


class Docker(Made):
    """On an engine in memory."""

    def make(self) -> Runtime:
        engine: Any = FakeEngine()
        return DockerRuntime(self.place, "cluster", engine)


class Fake(Made):
    """Told what is to become of it."""

    def make(self) -> Runtime:
        self.fake = FakeRuntime()
        return self.fake

    def break_(self) -> None:
        self.fake.hold = True
        self.fake.on_change(self._fail_once)

    def mend(self) -> None:
        self.fake.become_ready(KEY)

    def _fail_once(self, key: str) -> None:
        if key in self.fake.groups and not self.fake.observe()[key].restarts:
            self.fake.fail(key, "the machine is broken")


RUNTIMES = [Process, Docker, Fake]

KEY = "default/p/v1"


class Watched:
    """A runtime, looked at whenever it tells of a change, and the keys it told of."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.runtime = made.runtime
        self.told: set[str] = set()
        self._changed = threading.Condition()
        self.runtime.on_change(self._note)

    def _note(self, key: str) -> None:
        with self._changed:
            self.told.add(key)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60), self.runtime.observe()

    def status(self, key: str = "default/p/v1") -> GroupStatus:
        return self.runtime.observe().get(key, GroupStatus(-1, -1))

    def ready(self, key: str) -> int:
        return self.status(key).ready


@pytest.fixture(params=RUNTIMES, ids=lambda kind: kind.__name__.lower())
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    made = request.param(tmp_path)
    yield Watched(made)
    made.runtime.close()


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


def test_workers_that_do_not_come_up_are_the_problem_until_they_do(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words for a person, and tried again without being asked."""
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.001)
    watched.made.break_()
    watched.runtime.ensure(group(2))
    watched.wait(lambda: watched.status().problem != "" and watched.status().restarts > 0)
    assert "the machine is broken" in watched.status().problem
    assert (watched.status().wanted, watched.status().ready) == (2, 0)
    watched.made.mend()
    watched.wait(lambda: watched.status().ready == 2)
    assert watched.status().problem == ""


def test_what_changes_is_told_by_the_key_of_its_group(watched: Watched) -> None:
    watched.runtime.ensure(group(1, "a/b/v1"))
    watched.wait(lambda: watched.ready("a/b/v1") == 1)
    watched.runtime.ensure(group(1, "a/b/v2"))
    watched.runtime.remove("a/b/v1")
    watched.wait(lambda: watched.ready("a/b/v2") == 1)
    assert watched.told == {"a/b/v1", "a/b/v2"}


def test_a_group_that_was_removed_may_come_back_with_other_workers(watched: Watched) -> None:
    watched.runtime.ensure(group(1))
    watched.wait(lambda: watched.ready(KEY) == 1)
    before = watched.status().workers
    watched.runtime.remove(KEY)
    assert watched.runtime.observe() == {}
    watched.runtime.ensure(group(1))
    watched.wait(lambda: watched.ready(KEY) == 1)
    after = watched.status().workers
    assert before is None or after is None or not before & after


def test_closing_twice_and_removing_after_it_do_no_harm(watched: Watched) -> None:
    watched.runtime.ensure(group(1))
    watched.runtime.close()
    watched.runtime.close()
    watched.runtime.remove(KEY)
    assert watched.runtime.observe() == {}


def test_it_has_a_name_and_says_whether_it_can_run_anything(watched: Watched) -> None:
    assert watched.runtime.name == watched.made.__class__.__name__.lower()
    assert isinstance(watched.runtime.check(), str)
    assert isinstance(watched.runtime.engine(), str)
