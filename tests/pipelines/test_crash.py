"""Whatever was lost but the database and the objects, jobs go on, and each output is there once."""

from __future__ import annotations

import pytest

from hathi.pipelines import closing, folding, planner
from hathi.pipelines.controllers import job as controller
from hathi.pipelines.planning import batches


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


def test_errors_are_tried_again_later_and_told(started, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(controller, "fold_job", fails)
        started.settle()
    assert started.states("copy")[0][0] == "FINISHING"
    started.clock.advance(1)
    check(started)


def test_the_window_decides_the_size_of_sets():
    assert batches.WINDOW >= batches.LARGEST
