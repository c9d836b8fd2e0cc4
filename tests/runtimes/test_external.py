"""Workers that come by themselves: who waits for work is there, who works counts while it gives signs of life."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hathi.runtimes.external import SILENT_SECONDS, ExternalRuntime
from hathi.runtimes.interface import WorkerGroup
from hathi.supervision import Backoff, Supervisor

GROUP = WorkerGroup("default/p/v2", "default", "p", 2, 3)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(clock: Clock) -> Iterator[ExternalRuntime]:
    runtime = ExternalRuntime(clock, Supervisor(backoff=Backoff(0.001, 0.002)))
    runtime.ensure(GROUP)
    yield runtime
    runtime.close()


def ready(runtime: ExternalRuntime) -> int:
    return runtime.observe()[GROUP.key].ready


def test_without_workers_the_reason_is_how_to_start_one(runtime: ExternalRuntime) -> None:
    status = runtime.observe()[GROUP.key]
    assert (status.wanted, status.ready, status.workers) == (3, 0, None)
    assert "hathi-worker --pipeline default/p" in status.problem


def test_a_worker_is_there_from_its_first_question_for_work(runtime: ExternalRuntime) -> None:
    told: list[str] = []
    runtime.on_change(told.append)
    runtime.waits("default/p", "w")
    runtime.waits("default/other", "o")
    assert (ready(runtime), runtime.observe()[GROUP.key].problem, told) == (1, "", [GROUP.key])
    runtime.left("w")
    assert (ready(runtime), told) == (0, [GROUP.key] * 2)


def test_who_waits_may_be_silent_and_who_works_may_not(runtime: ExternalRuntime, clock: Clock) -> None:
    runtime.waits("default/p", "waiting")
    runtime.waits("default/p", "working")
    runtime.works("working")
    clock.now += SILENT_SECONDS / 2
    runtime.works("working")
    clock.now += SILENT_SECONDS / 2
    assert runtime.forget_the_silent() == SILENT_SECONDS / 2
    assert ready(runtime) == 2
    clock.now += SILENT_SECONDS / 2
    assert runtime.forget_the_silent() is None
    assert ready(runtime) == 1


def test_workers_stay_for_the_next_version(runtime: ExternalRuntime) -> None:
    runtime.waits("default/p", "w")
    runtime.remove(GROUP.key)
    runtime.ensure(WorkerGroup("default/p/v3", "default", "p", 3, 1))
    assert runtime.observe()["default/p/v3"].ready == 1


def test_signs_of_life_of_an_unknown_worker_are_nothing(runtime: ExternalRuntime) -> None:
    runtime.works("nobody")
    runtime.left("nobody")
    assert ready(runtime) == 0


def test_no_exception_ends_the_look_for_silent_workers(
    runtime: ExternalRuntime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, errors = runtime.forget_the_silent, iter([KeyError("x"), MemoryError()])
    looked = threading.Event()

    def fails() -> float | None:
        for error in errors:
            raise error
        found = forget()
        if found is None:
            looked.set()
        return found

    monkeypatch.setattr(runtime, "forget_the_silent", fails)
    runtime.waits("default/p", "w")
    assert looked.wait(60)
