"""The life of a datum in a worker's hands.

Each attempt starts from fresh inputs and an empty /pfs/out. After an attempt that failed, `err_cmd` runs if there is
one; when it succeeds after the last attempt, the datum is RECOVERED: it has no output, and does not fail the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hathi.model.lifecycle.table import Decision, Row, Table
from hathi.model.pps import DatumState


class Action(Enum):
    """What a worker does for a datum."""

    RUN = "place fresh inputs and an empty /pfs/out, run cmd, count the attempt"
    HANDLE = "run err_cmd where the attempt left off"
    COLLECT = "take what is in /pfs/out"
    RECORD = "write the datum's record"


class Outcome(Enum):
    """What became of one command."""

    NONE = "has not run"
    SUCCESS = "exited with 0 or an accepted code"
    FAILED = "exited otherwise, ran out of time, or left output that cannot be taken"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is true of a datum now.

    state: as it stands. reason: why the last attempt failed.
    attempts: how many were begun. tries: how many there may be.
    cmd: outcome of the present attempt. has_err_cmd, err_cmd: whether there is an err_cmd, and its outcome after it.
    collected: whether the attempt's output is taken.
    """

    state: DatumState = DatumState.UNKNOWN
    reason: str = ""
    attempts: int = 0
    tries: int = 3
    cmd: Outcome = Outcome.NONE
    has_err_cmd: bool = False
    err_cmd: Outcome = Outcome.NONE
    collected: bool = False


ENDED = (DatumState.SUCCESS, DatumState.FAILED, DatumState.RECOVERED, DatumState.SKIPPED)

TABLE: Table[Observation, DatumState, Action] = Table(
    lambda o: o.state,
    (
        Row(ENDED, "always", lambda o: True, None),
        Row((), "no attempt has ended", lambda o: o.cmd is Outcome.NONE, DatumState.STARTING, (Action.RUN,)),
        Row(
            (),
            "cmd succeeded, its output is taken",
            lambda o: o.cmd is Outcome.SUCCESS and o.collected,
            DatumState.SUCCESS,
            (Action.RECORD,),
        ),
        Row((), "cmd succeeded", lambda o: o.cmd is Outcome.SUCCESS, DatumState.STARTING, (Action.COLLECT,)),
        Row(
            (),
            "cmd failed, err_cmd has not run",
            lambda o: o.has_err_cmd and o.err_cmd is Outcome.NONE,
            DatumState.STARTING,
            (Action.HANDLE,),
            "{o.reason}",
        ),
        Row(
            (),
            "cmd failed, attempts are left",
            lambda o: o.attempts < o.tries,
            DatumState.STARTING,
            (Action.RUN,),
            "{o.reason}",
        ),
        Row(
            (),
            "the last attempt failed, err_cmd succeeded",
            lambda o: o.err_cmd is Outcome.SUCCESS,
            DatumState.RECOVERED,
            (Action.RECORD,),
            "{o.reason}",
        ),
        Row((), "the last attempt failed", lambda o: True, DatumState.FAILED, (Action.RECORD,), "{o.reason}"),
    ),
)


def decide(observation: Observation) -> Decision[DatumState, Action]:
    """Return the state a datum has next, and what to do for it."""
    return TABLE.decide(observation)


def render() -> str:
    """Return the table in Markdown."""
    return TABLE.render()
