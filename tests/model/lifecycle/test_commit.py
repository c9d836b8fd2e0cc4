"""A commit goes from open to finished, and carries an error when its tree cannot be made."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.infos import CommitState
from hathi.model.lifecycle.commit import Action, Observation, decide

S = CommitState

OBSERVATIONS = st.builds(
    Observation,
    state=st.sampled_from(CommitState),
    reason=st.sampled_from(["", "datum x failed"]),
    provenance_finished=st.booleans(),
    finish=st.booleans(),
    folded=st.booleans(),
    fold_error=st.sampled_from(["", "file / directory path collision (/a)"]),
)


def run(o: Observation, *events: dict[str, Any]) -> tuple[str, str]:
    """Return the states a commit goes through, and the error it ends with."""
    states = [o.state.name]
    for event in ({}, *events):
        o = replace(o, **event)
        for _ in range(5):
            decision = decide(o)
            o = replace(
                o, state=decision.state, reason=decision.reason, folded=o.folded or Action.FOLD in decision.actions
            )
            if o.state.name != states[-1]:
                states.append(o.state.name)
    return " ".join(states), o.reason


@pytest.mark.parametrize(
    ("start", "events", "expected"),
    [
        (Observation(S.STARTED), [{"finish": True}], ("STARTED READY FINISHING FINISHED", "")),
        (Observation(S.STARTED, provenance_finished=False), [], ("STARTED", "")),
        (
            Observation(S.STARTED, provenance_finished=False),
            [{"finish": True, "reason": "killed"}],
            ("STARTED FINISHING FINISHED", "killed"),
        ),
        (
            Observation(S.READY, finish=True, fold_error="file / directory path collision (/a)"),
            [],
            ("READY FINISHING FINISHED", "file / directory path collision (/a)"),
        ),
    ],
)
def test_lives(start: Observation, events: list[dict[str, Any]], expected: tuple[str, str]) -> None:
    assert run(start, *events) == expected


@given(OBSERVATIONS)
def test_a_commit_goes_forward_only_and_is_closed_exactly_when_it_ends(o: Observation) -> None:
    decision = decide(o)
    assert decision.state.value >= o.state.value
    ends = o.state is not S.FINISHED and decision.state is S.FINISHED
    assert ends == (Action.CLOSE in decision.actions)


@given(OBSERVATIONS)
def test_a_commit_with_an_error_is_never_folded(o: Observation) -> None:
    assert not (o.reason and Action.FOLD in decide(o).actions)


@given(OBSERVATIONS)
def test_once_asked_every_commit_finishes(o: Observation) -> None:
    assert run(replace(o, finish=True))[0].endswith("FINISHED")
