"""Whatever was lost but the database and the objects, jobs go on, and each output is there once."""

from __future__ import annotations

import pytest

from hathi.model.errors import UnavailableError
from hathi.model.references import Pipeline
from hathi.pipelines import closing, folding, listing, planner
from hathi.pipelines.controllers import job as controller
from hathi.pipelines.planning import batches
from hathi.storage.objects.interface import StorageUnavailable


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
def started(world):
    world.put("data", {f"/{n}": str(n) for n in range(6)})
    world.pipeline("copy", datum_set_spec={"number": 2})
    return world


def check(world):
    world.settle()
    assert world.states("copy") == [("SUCCESS", "")]
    assert set(world.files("copy")) == {f"/{n}" for n in range(6)}
    [job] = world.jobs("copy")
    assert (job.counters.processed, job.counters.total) == (6, 6)


def test_before_anything_was_looked_at(started):
    started.crash()
    check(started)


def test_between_the_sets_of_a_plan(started, monkeypatch):
    monkeypatch.setattr(planner, "FLUSH_DATUMS", 1)
    write, calls = planner._write, []

    def dies(*args, **kwargs):
        if len(calls) == 2:
            raise Killed
        calls.append(1)
        return write(*args, **kwargs)

    monkeypatch.setattr(planner, "_write", dies)
    with pytest.raises(Killed):
        started.controllers.settle()
    monkeypatch.setattr(planner, "_write", write)
    assert started.work("default/copy/v1")
    started.crash()
    check(started)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_between_the_sets_of_an_early_plan_and_those_of_the_plan_that_follows(started, monkeypatch, calls):
    started.settle()
    started.took()
    started.put("data", {"/6": "6"})
    started.controllers.settle()
    stuck = started.claim("default/copy/v1", "stuck")
    monkeypatch.setattr(planner, "FLUSH_DATUMS", 1)
    write, made = planner._write, []

    def dies(*args, **kwargs):
        if len(made) == calls:
            raise Killed
        made.append(1)
        return write(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(planner, "_write", dies)
        with pytest.raises(Killed):
            started.put("data", {"/0": "changed", "/7": "7", "/8": "8", "/9": "9"})
            started.controllers.settle()
    started.crash()
    started.settle()
    assert not started.report(stuck, "stuck")
    assert [state for state, _ in started.states("copy")] == ["SUCCESS"] * 3
    ran = started.took()
    assert [one for one in ran if one != "data:/6"] == ["data:/0", "data:/7", "data:/8", "data:/9"]
    counters = started.jobs("copy")[-1].counters
    assert (counters.processed, counters.skipped, counters.total) == (4, 6, 10)


def test_while_workers_have_claims(started):
    started.controllers.settle()
    claim = started.claim("default/copy/v1", "one")
    started.crash()
    assert started.report(claim, "one")
    check(started)


@pytest.mark.parametrize(
    ("module", "name"),
    [(controller, "fold_job"), (controller, "close"), (controller, "plan_job"), (folding, "compose_output")],
)
def test_inside_each_action_of_the_controller(started, monkeypatch, module, name):
    def dies(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, dies)
        with pytest.raises(Killed):
            started.settle()
    started.crash()
    check(started)


def test_just_before_the_closing_transaction_commits(started, monkeypatch):
    close = closing.close

    def dies(*args, **kwargs):
        close(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(controller, "close", dies)
        with pytest.raises(Killed):
            started.settle()
    started.crash()
    check(started)


def test_errors_of_a_controller_are_tried_again_later_and_shown_until_then(started, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(controller, "fold_job", fails)
        started.settle()
        assert started.states("copy") == [("FINISHING", "OSError: no space left")]
        started.clock.advance(1)
        started.settle()
    assert started.states("copy") == [("FINISHING", "OSError: no space left")]
    started.clock.advance(2)
    check(started)


def test_an_error_while_a_job_runs_is_forgotten_once_it_gets_on(started, monkeypatch):
    def fails(*args, **kwargs):
        raise StorageUnavailable("x", "timed out")

    with monkeypatch.context() as patch:
        patch.setattr(controller, "plan_job", fails)
        started.controllers.settle()
    [(state, reason)] = started.states("copy")
    assert state == "RUNNING" and "timed out" in reason
    started.clock.advance(1)
    started.controllers.settle()
    assert started.states("copy") == [("RUNNING", "")]


def test_a_pipeline_whose_workers_cannot_be_declared_says_so(world, monkeypatch):
    def fails(group):
        raise UnavailableError("no engine answers")

    with monkeypatch.context() as patch:
        patch.setattr(world.runtime, "ensure", fails)
        world.pipeline("copy")
        world.settle()
        assert pipeline_state(world) == ("CRASHING", "no engine answers")
    world.clock.advance(1)
    world.settle()
    assert pipeline_state(world) == ("RUNNING", "")


def pipeline_state(world):
    with world.db.read() as tx:
        info = listing.inspect(tx, Pipeline("default", "copy"))
    return info.state.name, info.reason


def test_the_window_decides_the_size_of_sets():
    assert batches.WINDOW >= batches.LARGEST
