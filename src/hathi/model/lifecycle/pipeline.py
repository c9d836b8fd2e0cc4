"""The life of a pipeline: a truthful answer to "can it run now?".

A pipeline's state follows from what is wanted of it and what its runtime says, and nothing else: RUNNING means that a
worker is ready, never merely that one was asked for. Every state but FAILURE, which only an update cures, is left again
by itself. The original's RESTARTING is not used: whatever is tried again shows as CRASHING, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hathi.model.lifecycle.table import Decision, Row, Table
from hathi.model.pps import PipelineState


class Action(Enum):
    """What a controller does for a pipeline."""

    ENSURE_WORKERS = "declare the worker group to the runtime"
    REMOVE_WORKERS = "have the runtime remove the worker group"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is true of a pipeline now.

    state, reason: as written down.
    stopped: whether its user stopped it. failure: why it can never run as it is, "" when it can.
    runtime_problem: why the runtime can run nothing at all, "" when it can.
    idle: whether it scales itself and has nothing to do.
    ready: workers that can take work. problem: why fewer than wanted are, "" when nothing is wrong.
    waiting: why the machine has fewer workers for it than it wants, "" when it has enough. turn: whether it has some
    for it. busy: whether there is work for them.
    """

    state: PipelineState
    reason: str = ""
    stopped: bool = False
    failure: str = ""
    runtime_problem: str = ""
    idle: bool = False
    ready: int = 0
    problem: str = ""
    waiting: str = ""
    turn: bool = True
    busy: bool = True

    @property
    def notice(self) -> str:
        """What is to be said although a worker is ready."""
        return self.problem or self.waiting


ENSURE = (Action.ENSURE_WORKERS,)
REMOVE = (Action.REMOVE_WORKERS,)

TABLE: Table[Observation, PipelineState, Action] = Table(
    lambda o: o.state,
    (
        Row((), "it can never run as it is", lambda o: o.failure != "", PipelineState.FAILURE, REMOVE, "{o.failure}"),
        Row((), "its user stopped it", lambda o: o.stopped, PipelineState.PAUSED, REMOVE),
        Row(
            (),
            "the runtime can run nothing",
            lambda o: o.runtime_problem != "",
            PipelineState.CRASHING,
            ENSURE,
            "{o.runtime_problem}",
        ),
        Row((), "it scales itself and has nothing to do", lambda o: o.idle, PipelineState.STANDBY, REMOVE),
        Row((), "a worker is ready", lambda o: o.ready > 0, PipelineState.RUNNING, ENSURE, "{o.notice}"),
        Row((), "workers do not come up", lambda o: o.problem != "", PipelineState.CRASHING, ENSURE, "{o.problem}"),
        Row(
            (),
            "it gets workers when it has something to do",
            lambda o: o.waiting != "" and not o.turn and not o.busy,
            PipelineState.STANDBY,
            ENSURE,
            "{o.waiting}",
        ),
        Row((), "its turn is to come", lambda o: o.waiting != "", PipelineState.STARTING, ENSURE, "{o.waiting}"),
        Row((PipelineState.CRASHING,), "workers are tried again", lambda o: True, None, ENSURE),
        Row((), "workers are on their way", lambda o: True, PipelineState.STARTING, ENSURE),
    ),
)


def decide(observation: Observation) -> Decision[PipelineState, Action]:
    """Return the state a pipeline has now, and what to do for it."""
    return TABLE.decide(observation)


def render() -> str:
    """Return the table in Markdown."""
    return TABLE.render()
