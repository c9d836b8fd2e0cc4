"""A job goes forward only, ends for a reason, and never gets stuck."""

import itertools
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.lifecycle.job import TABLE, Action, Observation, Plan, decide
from hathi.model.lifecycle.table import Decision
from hathi.model.pps import JobState

S = JobState
CLOSES = {Action.CLOSE_SUCCESS, Action.CLOSE_BROKEN, Action.CLOSE_FAILED, Action.CLOSE_KILLED, Action.CLOSE_UNRUNNABLE}
ORDER = [S.CREATED, S.STARTING, S.RUNNING, S.EGRESSING, S.FINISHING]

OBSERVATIONS = st.builds(
    Observation,
    state=st.sampled_from(JobState),
    waiting=st.sampled_from([(), ("data",)]),
    failed=st.sampled_from([(), ("edges", "blur")]),
    predecessor_ended=st.booleans(),
    early=st.booleans(),
    plan=st.sampled_from(Plan),
    outstanding=st.sampled_from([0, 2]),
    failed_datum=st.sampled_from(["", "d1"]),
    stop=st.sampled_from(["", "stopped by user"]),
    timed_out=st.booleans(),
    broken=st.sampled_from(["", "the disk is full"]),
    folded=st.booleans(),
    fold_error=st.sampled_from(["", "duplicate path"]),
    egress_due=st.booleans(),
)


def obey(o: Observation, decision: Decision[JobState, Action], sets: int) -> Observation:
    """Return what is true once a controller has carried out the decision."""
    o = replace(o, state=decision.state, reason=decision.reason)
    for action in decision.actions:
        match action:
            case Action.PLAN:
                o = replace(o, plan=Plan.FULL, outstanding=o.outstanding + sets)
            case Action.PLAN_EARLY:
                o = replace(o, plan=Plan.EARLY, outstanding=o.outstanding + sets)
            case Action.FOLD:
                o = replace(o, folded=True)
            case Action.EGRESS:
                o = replace(o, egress_due=False)
            case Action.WITHDRAW:
                o = replace(o, outstanding=0)
    return o


def run(o: Observation, *events: dict[str, Any], sets: int = 1) -> list[str]:
    """Return the states a job goes through when the events happen one by one, each change of state once."""
    states = [o.state.name]
    for event in ({}, *events):
        o = replace(o, **event)
        for _ in range(8):
            after = obey(o, decide(o), sets)
            if after.state.name != states[-1]:
                states.append(after.state.name)
            if after == o:
                break
            o = after
    return states


NEW = Observation(S.CREATED, waiting=("data",))
READY: dict[str, Any] = {"waiting": ()}
WORKED = {"outstanding": 0}


@pytest.mark.parametrize(
    ("start", "events", "states"),
    [
        (NEW, [], "CREATED STARTING"),
        (NEW, [READY, WORKED], "CREATED STARTING RUNNING FINISHING SUCCESS"),
        (replace(NEW, egress_due=True), [READY, WORKED], "CREATED STARTING RUNNING EGRESSING FINISHING SUCCESS"),
        (NEW, [READY, WORKED | {"failed_datum": "d"}], "CREATED STARTING RUNNING FINISHING FAILURE"),
        (NEW, [READY, {"failed_datum": "d"}], "CREATED STARTING RUNNING"),
        (NEW, [READY, WORKED | {"fold_error": "x"}], "CREATED STARTING RUNNING FINISHING FAILURE"),
        (NEW, [{"failed": ("edges",)}], "CREATED STARTING UNRUNNABLE"),
        (NEW, [READY, {"stop": "x"}], "CREATED STARTING RUNNING KILLED"),
        (NEW, [{"timed_out": True}], "CREATED STARTING KILLED"),
        (replace(NEW, predecessor_ended=False), [READY], "CREATED STARTING"),
        (replace(NEW, predecessor_ended=False, early=True), [READY, WORKED], "CREATED STARTING RUNNING"),
        (
            replace(NEW, predecessor_ended=False, early=True),
            [READY, WORKED, {"predecessor_ended": True}, WORKED],
            "CREATED STARTING RUNNING FINISHING SUCCESS",
        ),
    ],
)
def test_lives(start: Observation, events: list[dict[str, Any]], states: str) -> None:
    assert run(start, *events) == states.split()


def test_a_job_without_datums_succeeds_at_once() -> None:
    assert run(Observation(S.CREATED), sets=0) == ["CREATED", "RUNNING", "FINISHING", "SUCCESS"]


@pytest.mark.parametrize(
    ("observation", "reason"),
    [
        (
            Observation(S.STARTING, failed=("a", "b")),
            "unrunnable because the following upstream pipelines failed: a, b",
        ),
        (Observation(S.FINISHING, folded=True, failed_datum="abc"), "datum abc failed"),
        (Observation(S.FINISHING, folded=True, failed_datum="abc", failed_reason="exit 3"), "datum abc failed: exit 3"),
        (Observation(S.FINISHING, folded=True, fold_error="path {x}"), "path {x}"),
        (Observation(S.RUNNING, stop="stopped"), "stopped"),
        (Observation(S.RUNNING, timed_out=True), "job timeout exceeded"),
        (Observation(S.KILLED, reason="kept"), "kept"),
        (Observation(S.RUNNING, reason="old", plan=Plan.FULL, outstanding=1), ""),
    ],
)
def test_an_end_has_its_reason(observation: Observation, reason: str) -> None:
    assert decide(observation).reason == reason


@given(OBSERVATIONS)
def test_the_end_is_the_end(o: Observation) -> None:
    if o.state.terminal:
        assert decide(o) == Decision(o.state, o.reason)


@given(OBSERVATIONS)
def test_a_job_goes_forward_only_and_closes_its_commits_exactly_when_it_ends(o: Observation) -> None:
    decision = decide(o)
    if o.state.terminal:
        return
    assert decision.state.terminal == bool(CLOSES & set(decision.actions))
    if not decision.state.terminal:
        assert ORDER.index(decision.state) >= ORDER.index(o.state)


@given(OBSERVATIONS)
def test_only_a_job_whose_datums_all_succeeded_is_a_success(o: Observation) -> None:
    if not o.state.terminal and decide(o).state is S.SUCCESS:
        assert o.folded
        assert not (o.failed_datum or o.fold_error or o.stop or o.timed_out)


@given(OBSERVATIONS, st.integers(0, 2))
def test_once_the_world_cooperates_every_job_ends(o: Observation, sets: int) -> None:
    for _ in range(12):
        o = obey(replace(o, waiting=(), predecessor_ended=True, outstanding=0), decide(o), sets)
    assert o.state.terminal


@given(OBSERVATIONS)
def test_deciding_again_after_a_crash_decides_the_same(o: Observation) -> None:
    decision = decide(o)
    if not decision.state.terminal:
        again = decide(replace(o, state=decision.state, reason=decision.reason))
        assert again.state is decision.state or not decision.actions or set(decision.actions) == {Action.FOLD}


@given(OBSERVATIONS)
def test_work_is_taken_back_before_a_job_is_killed(o: Observation) -> None:
    actions = decide(o).actions
    if Action.CLOSE_KILLED in actions:
        assert actions == (Action.WITHDRAW, Action.CLOSE_KILLED)


def test_every_row_decides_something() -> None:

    choices = {
        "state": list(JobState),
        "waiting": [(), ("a",)],
        "failed": [(), ("a",)],
        "predecessor_ended": [True, False],
        "early": [True, False],
        "plan": list(Plan),
        "outstanding": [0, 1],
        "failed_datum": ["", "d"],
        "failed_reason": ["r"],
        "stop": ["", "s"],
        "timed_out": [False, True],
        "broken": ["", "b"],
        "folded": [False, True],
        "fold_error": ["", "e"],
        "egress_due": [False, True],
    }
    assert set(choices) == {field.name for field in fields(Observation)} - {"reason"}
    used = {
        id(TABLE.row(Observation(**dict(zip(choices, values, strict=True)))))
        for values in itertools.product(*choices.values())
    }
    assert used == {id(row) for row in TABLE.rows}
