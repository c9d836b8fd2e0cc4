"""The first row that holds decides, and what is printed is what is decided."""

from dataclasses import dataclass
from enum import Enum

import pytest

from hathi.model.lifecycle import commit, datum, job, pipeline
from hathi.model.lifecycle.table import Decision, Row, Table


class State(Enum):
    OFF = 0
    ON = 1


class Action(Enum):
    RING = 1


@dataclass(frozen=True)
class Observation:
    state: State
    reason: str = ""
    who: str = ""


TABLE: Table[Observation, State, Action] = Table(
    lambda o: o.state,
    (
        Row((State.OFF,), "somebody calls", lambda o: o.who != "", State.ON, (Action.RING,), "{o.who} calls"),
        Row((), "nobody calls", lambda o: True, None),
    ),
)


def test_the_first_row_that_holds_decides() -> None:
    assert TABLE.decide(Observation(State.OFF, who="Eve")) == Decision(State.ON, "Eve calls", (Action.RING,))


def test_staying_keeps_state_and_reason() -> None:
    assert TABLE.decide(Observation(State.ON, "Eve calls", "Bob")) == Decision(State.ON, "Eve calls")


def test_the_table_prints_as_markdown() -> None:
    assert TABLE.render() == (
        "| in | when | then | do | reason |\n"
        "|---|---|---|---|---|\n"
        "| OFF | somebody calls | ON | RING | {who} calls |\n"
        "| any | nobody calls | stay | nothing |  |\n"
    )


@pytest.mark.parametrize("module", [job, pipeline, commit, datum])
def test_every_real_table_prints_a_line_for_each_row(module) -> None:
    assert len(module.render().splitlines()) == len(module.TABLE.rows) + 2
