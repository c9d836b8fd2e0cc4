"""The threads do what the tests elsewhere do by hand, and go on whatever happens."""

from __future__ import annotations

import threading

import pytest
from background import background_log

from hathi.model.errors import UnavailableError
from hathi.model.pps import JobState
from hathi.model.references import Job, Pipeline
from hathi.pipelines import job_waits, jobs
from hathi.pipelines.controllers import Controllers
from hathi.pipelines.controllers import loop as controllers_loop
from hathi.pipelines.controllers.topics import keys_of
from hathi.pipelines.waiting import WaitEnded
from hathi.supervision import Backoff, Supervisor


def test_jobs_run_by_themselves_while_controllers_are_started(world):
    world.controllers.stop()
    controllers = Controllers(world.store, world.runtime, world.logs, Supervisor(world.clock))
    controllers.start()
    left = threading.Event()

    def works():
        try:
            while (claim := world.wait_for_claim("default/copy/v1", left.is_set)) is not None:
                world.report(claim)
        except WaitEnded:
            pass

    world.pipeline("copy")
    worker = threading.Thread(target=works)
    worker.start()
    try:
        id = world.put("data", {"/a": "1", "/b": "2"})
        info = job_waits.wait(world.store, Job(Pipeline("default", "copy"), id))
        assert info.state is JobState.SUCCESS
        assert set(world.files("copy")) == {"/a", "/b"}
    finally:
        left.set()
        world.db.feed.publish("work/default/copy")
        worker.join(30)
        controllers.stop()
    assert not worker.is_alive()


class Bang(BaseException):
    """What nobody foresees."""


@pytest.fixture
def start(world):
    """Starts controllers with quick tries, whose supervisor is returned."""
    world.controllers.stop()
    started = []

    def start_(threads=2):
        supervisor = Supervisor(backoff=Backoff(0.01, 0.02))
        started.append(Controllers(world.store, world.runtime, world.logs, supervisor, threads=threads))
        started[-1].start()
        return supervisor

    yield start_
    for controllers in started:
        controllers.stop()


def wait_for_job(world, name, id, wanted):
    """Wait until a job's state and reason are as wanted."""
    job = Job(Pipeline("default", name), id)
    with world.db.feed.subscribe("") as changes:
        while True:
            with world.db.read() as tx:
                info = jobs.inspect(tx, job, details=False)
            if wanted(info):
                return info
            changes.wait(0.01)


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), Bang()], ids=repr)
def test_jobs_whose_look_fails_starve_no_others_and_end_no_thread(world, monkeypatch, start, error):
    plain, broken = controllers_loop.job.reconcile, {"one", "two"}

    def reconcile(store, key, tell):
        if key.pipeline.name in broken:
            raise error
        return plain(store, key, tell)

    monkeypatch.setattr(controllers_loop.job, "reconcile", reconcile)
    start()
    for name in ("one", "two", "three"):
        world.pipeline(name)
    id = world.put("data", {"/a": "1"})
    wait_for_job(world, "three", id, lambda info: info.state is JobState.RUNNING)
    wait_for_job(world, "one", id, lambda info: type(error).__name__ in info.reason)
    broken.clear()
    for name in ("one", "two"):
        wait_for_job(world, name, id, lambda info: info.state is JobState.RUNNING and not info.reason)


@pytest.mark.parametrize("error", [KeyError("x"), UnavailableError("the database is away"), Bang()], ids=repr)
def test_events_that_cannot_be_read_are_read_again(world, monkeypatch, start, error):
    plain, failures = controllers_loop.keys_of, iter([error] * 4)

    def keys_of(tx, topics):
        for failure in failures:
            raise failure
        return plain(tx, topics)

    monkeypatch.setattr(controllers_loop, "keys_of", keys_of)
    start()
    world.pipeline("copy")
    id = world.put("data", {"/a": "1"})
    wait_for_job(world, "copy", id, lambda info: info.state is JobState.RUNNING)


def test_an_outage_of_the_database_is_a_few_lines_and_no_traceback(world, monkeypatch, start):
    tries, enough = [], threading.Event()

    def keys_of(tx, topics):
        tries.append(1)
        if len(tries) == 64:
            enough.set()
        raise UnavailableError("the database does not answer")

    plain = controllers_loop.keys_of
    with background_log() as lines:
        monkeypatch.setattr(controllers_loop, "keys_of", keys_of)
        supervisor = start()
        world.pipeline("copy")
        assert enough.wait(60)
        assert [failure.task for failure in supervisor.failures()] == ["pipeline events"]
        monkeypatch.setattr(controllers_loop, "keys_of", plain)
        id = world.put("data", {"/a": "1"})
        wait_for_job(world, "copy", id, lambda info: info.state is JobState.RUNNING)
    assert len(lines) < 12 and not any(traceback for _, traceback in lines)
    assert "works again" in lines[-1][0]


def test_where_events_may_have_been_missed_everything_is_looked_at(world):
    world.pipeline("copy")
    id = world.put("data", {"/a": "1"})
    with world.db.read() as tx:
        found = keys_of(tx, {"commit/"})
    assert found >= {Pipeline("default", "copy"), Job(Pipeline("default", "copy"), id)}
