"""A datum is tried as often as it may be, and what it ends as follows from its last attempt."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.lifecycle.datum import ENDED, Action, Observation, Outcome, decide
from hathi.model.pps import DatumState

OK, BAD = Outcome.SUCCESS, Outcome.FAILED


def live(cmds: Sequence[Outcome], handlers: Sequence[Outcome] = (), tries: int = 3) -> tuple[str, DatumState]:
    """Return what is done for a datum whose commands end so, one letter an action, and how the datum ends."""
    cmd, err_cmd, collected, attempts = Outcome.NONE, Outcome.NONE, False, 0
    done, state, reason = "", DatumState.UNKNOWN, ""
    for _ in range(4 * tries + 2):
        o = Observation(state, reason, attempts, tries, cmd, bool(handlers), err_cmd, collected)
        decision = decide(o)
        state = decision.state
        for action in decision.actions:
            done += action.name[:2].lower() + " "
            match action:
                case Action.RUN:
                    cmd, err_cmd = cmds[min(attempts, len(cmds) - 1)], Outcome.NONE
                    attempts += 1
                    reason = "exit status 1" if cmd is BAD else ""
                case Action.HANDLE:
                    err_cmd = handlers[min(attempts - 1, len(handlers) - 1)]
                case Action.COLLECT:
                    collected = True
        if state in ENDED and not decision.actions:
            break
    return done.strip(), state


@pytest.mark.parametrize(
    ("cmds", "handlers", "tries", "done", "state"),
    [
        ([OK], [], 3, "ru co re", DatumState.SUCCESS),
        ([BAD, OK], [], 3, "ru ru co re", DatumState.SUCCESS),
        ([BAD], [], 3, "ru ru ru re", DatumState.FAILED),
        ([BAD], [], 1, "ru re", DatumState.FAILED),
        ([BAD], [OK], 2, "ru ha ru ha re", DatumState.RECOVERED),
        ([BAD], [OK, BAD], 2, "ru ha ru ha re", DatumState.FAILED),
        ([BAD, OK], [BAD], 2, "ru ha ru co re", DatumState.SUCCESS),
    ],
)
def test_lives(cmds: list[Outcome], handlers: list[Outcome], tries: int, done: str, state: DatumState) -> None:
    assert live(cmds, handlers, tries) == (done, state)


OUTCOMES = st.lists(st.sampled_from([OK, BAD]), min_size=1, max_size=5)


@given(OUTCOMES, st.one_of(st.just([]), OUTCOMES), st.integers(1, 5))
def test_every_datum_ends_recorded_once_within_its_tries(
    cmds: list[Outcome], handlers: list[Outcome], tries: int
) -> None:
    done, state = live(cmds, handlers, tries)
    actions = done.split()
    assert state in ENDED
    assert actions.count("re") == 1
    assert actions[-1] == "re"
    assert 1 <= actions.count("ru") <= tries
    assert ("co" in actions) == (state is DatumState.SUCCESS)


def test_a_failure_carries_the_reason_of_the_last_attempt() -> None:
    assert decide(Observation(reason="exit status 2", attempts=3, cmd=BAD)).reason == "exit status 2"
