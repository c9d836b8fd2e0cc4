"""A pipeline's state tells the truth, and every state but a failure is left again by itself."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.lifecycle.pipeline import ENSURE, REMOVE, TABLE, Observation, decide
from hathi.model.pps import PipelineState

S = PipelineState

OBSERVATIONS = st.builds(
    Observation,
    state=st.sampled_from(PipelineState),
    reason=st.sampled_from(["", "earlier"]),
    stopped=st.booleans(),
    failure=st.sampled_from(["", "no such secret"]),
    runtime_problem=st.sampled_from(["", "no namespaces"]),
    idle=st.booleans(),
    ready=st.integers(0, 2),
    problem=st.sampled_from(["", "image not found"]),
    waiting=st.sampled_from(["", "others have them"]),
    turn=st.booleans(),
    busy=st.booleans(),
)


@pytest.mark.parametrize(
    ("observation", "state", "reason", "actions"),
    [
        (Observation(S.STARTING), S.STARTING, "", ENSURE),
        (Observation(S.STARTING, ready=1), S.RUNNING, "", ENSURE),
        (Observation(S.RUNNING, ready=1, problem="1 of 2 died"), S.RUNNING, "1 of 2 died", ENSURE),
        (Observation(S.RUNNING, problem="image not found"), S.CRASHING, "image not found", ENSURE),
        (Observation(S.CRASHING, reason="image not found"), S.CRASHING, "image not found", ENSURE),
        (Observation(S.CRASHING, reason="image not found", ready=1), S.RUNNING, "", ENSURE),
        (Observation(S.STARTING, runtime_problem="no namespaces"), S.CRASHING, "no namespaces", ENSURE),
        (Observation(S.RUNNING, ready=2, stopped=True), S.PAUSED, "", REMOVE),
        (Observation(S.PAUSED), S.STARTING, "", ENSURE),
        (Observation(S.RUNNING, ready=2, idle=True), S.STANDBY, "", REMOVE),
        (Observation(S.RUNNING, failure="no such secret", stopped=True), S.FAILURE, "no such secret", REMOVE),
        (Observation(S.RUNNING, ready=1, waiting="1 of 2"), S.RUNNING, "1 of 2", ENSURE),
        (Observation(S.RUNNING, waiting="others", turn=False), S.STARTING, "others", ENSURE),
        (Observation(S.RUNNING, waiting="others", turn=False, busy=False), S.STANDBY, "others", ENSURE),
        (Observation(S.STARTING, waiting="1 of 2", busy=False), S.STARTING, "1 of 2", ENSURE),
        (Observation(S.FAILURE, reason="no such secret"), S.STARTING, "", ENSURE),
    ],
)
def test_decisions(observation: Observation, state: S, reason: str, actions: tuple[object, ...]) -> None:
    decision = decide(observation)
    assert (decision.state, decision.reason, decision.actions) == (state, reason, actions)


@given(OBSERVATIONS)
def test_running_means_that_a_worker_is_ready_and_nothing_forbids_it(o: Observation) -> None:
    running = decide(o).state is S.RUNNING
    assert running == (o.ready > 0 and not (o.stopped or o.failure or o.runtime_problem or o.idle))


@given(OBSERVATIONS)
def test_what_crashes_or_fails_says_why(o: Observation) -> None:
    decision = decide(o)
    if decision.state in (S.CRASHING, S.FAILURE):
        assert decision.reason or o.state is S.CRASHING


@given(OBSERVATIONS)
def test_when_all_is_well_every_pipeline_runs(o: Observation) -> None:
    assert decide(Observation(decide(o).state, ready=1)).state is S.RUNNING


@given(OBSERVATIONS)
def test_deciding_twice_decides_the_same(o: Observation) -> None:
    once = decide(o)
    again = replace(o, state=once.state, reason=once.reason)
    assert decide(again) == once


def test_the_last_row_holds_for_every_state() -> None:
    assert TABLE.rows[-1].states == ()
