"""The life of a job.

A job is born with its output commit, waits for its inputs, is planned against what its predecessor left, hands datum
sets to workers, folds what they report, and ends. One failed datum fails the job, but only once every set is done: what
succeeds is kept for the next job. The state and the closing of the output and meta commits are one transaction, so a
job that has ended left nothing open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from hathi.model.lifecycle.table import Decision, Row, Table
from hathi.model.pps import JobState


class Plan(Enum):
    """How far a job is planned.

    EARLY: datums whose ids no predecessor knows are in sets; the predecessor is still at work.
    FULL: every datum that must run is in a set, and every other one is accounted for.
    """

    NONE = auto()
    EARLY = auto()
    FULL = auto()


class Action(Enum):
    """What a controller does for a job."""

    PLAN_EARLY = "put the datums that no predecessor knows into sets"
    PLAN = "compare with what the predecessor left, put the datums that must run into sets"
    HAND_OUT = "let workers claim the sets"
    WITHDRAW = "take back the sets; what workers still report of them is refused"
    FOLD = "make the output tree and the datum index from what workers reported"
    EGRESS = "copy the output to where the spec says"
    CLOSE_SUCCESS = "finish the output commit with the folded tree, the meta commit with the index"
    CLOSE_FAILED = "finish the output commit empty with the reason as its error, the meta commit with the index"
    CLOSE_UNRUNNABLE = "finish both commits empty with the reason as their error"
    CLOSE_BROKEN = "finish the output commit empty with the reason as its error, the meta commit with what was done"
    CLOSE_KILLED = "finish the output commit empty with the reason as its error, the meta commit with what is known"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is true of a job now.

    state, reason: as written down.
    waiting: names of the inputs whose commits are not finished; failed: of those that finished with an error.
    predecessor_ended: whether the job before it on the output branch has ended, or there is none.
    early: whether planning before that is possible and worth while.
    plan: how far it is planned. outstanding: sets not done yet; an observer that knows of some need not count them.
    failed_datum: id of the first datum that failed for good, "" when none did. failed_reason: why, as far as known.
    stop: why it shall stop, "" when it shall not. timed_out: whether its job_timeout has passed.
    broken: why a set can never be done, "" when none is known to be such.
    folded: whether output and index are made. fold_error: why the output cannot be, "" when it can.
    egress_due: whether the spec wants egress that has not happened yet.
    """

    state: JobState
    reason: str = ""
    waiting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    predecessor_ended: bool = True
    early: bool = False
    plan: Plan = Plan.NONE
    outstanding: int = 0
    failed_datum: str = ""
    failed_reason: str = ""
    stop: str = ""
    timed_out: bool = False
    broken: str = ""
    folded: bool = False
    fold_error: str = ""
    egress_due: bool = False

    @property
    def failure(self) -> str:
        """What became of the first datum that failed: the original's words, and behind them the reason."""
        return f"datum {self.failed_datum} failed" + (f": {self.failed_reason}" if self.failed_reason else "")

    @property
    def failed_names(self) -> str:
        """The failed inputs in one line."""
        return ", ".join(self.failed)

    @property
    def all_done(self) -> bool:
        """Whether every datum that must run has run."""
        return self.plan is Plan.FULL and self.outstanding == 0


ENDED = tuple(state for state in JobState if state.terminal)
BEFORE = (JobState.CREATED, JobState.STARTING)
RUNNING = (JobState.RUNNING,)
EGRESSING = (JobState.EGRESSING,)
FINISHING = (JobState.FINISHING,)
AFTER = (*EGRESSING, *FINISHING)

TABLE: Table[Observation, JobState, Action] = Table(
    lambda o: o.state,
    (
        Row(ENDED, "always", lambda o: True, None),
        Row(
            (),
            "it shall stop",
            lambda o: o.stop != "",
            JobState.KILLED,
            (Action.WITHDRAW, Action.CLOSE_KILLED),
            "{o.stop}",
        ),
        Row(
            (),
            "its time is over",
            lambda o: o.timed_out,
            JobState.KILLED,
            (Action.WITHDRAW, Action.CLOSE_KILLED),
            "job timeout exceeded",
        ),
        Row(
            (),
            "a set can never be done",
            lambda o: o.broken != "",
            JobState.FAILURE,
            (Action.WITHDRAW, Action.CLOSE_BROKEN),
            "{o.broken}",
        ),
        Row(
            BEFORE,
            "an input failed",
            lambda o: bool(o.failed),
            JobState.UNRUNNABLE,
            (Action.CLOSE_UNRUNNABLE,),
            "unrunnable because the following upstream pipelines failed: {o.failed_names}",
        ),
        Row(BEFORE, "an input is not finished", lambda o: bool(o.waiting), JobState.STARTING),
        Row(
            (*BEFORE, *RUNNING),
            "inputs and predecessor are finished, the plan is not",
            lambda o: o.predecessor_ended and o.plan is not Plan.FULL,
            JobState.RUNNING,
            (Action.PLAN, Action.HAND_OUT),
        ),
        Row(
            (*BEFORE, *RUNNING),
            "the predecessor is at work, nothing is planned, and early planning pays",
            lambda o: o.early and o.plan is Plan.NONE,
            JobState.RUNNING,
            (Action.PLAN_EARLY, Action.HAND_OUT),
        ),
        Row(BEFORE, "the predecessor is at work, nothing is planned", lambda o: o.plan is Plan.NONE, JobState.STARTING),
        Row(
            (*BEFORE, *RUNNING),
            "sets are outstanding, or more will be planned",
            lambda o: not o.all_done,
            JobState.RUNNING,
            (Action.HAND_OUT,),
        ),
        Row(
            (*BEFORE, *RUNNING),
            "every set is done, egress is due, no datum failed",
            lambda o: o.egress_due and not o.failed_datum,
            JobState.EGRESSING,
            (Action.FOLD,),
        ),
        Row((*BEFORE, *RUNNING), "every set is done", lambda o: True, JobState.FINISHING, (Action.FOLD,)),
        Row(AFTER, "nothing is folded", lambda o: not o.folded, None, (Action.FOLD,)),
        Row(
            AFTER,
            "a datum failed",
            lambda o: o.failed_datum != "",
            JobState.FAILURE,
            (Action.CLOSE_FAILED,),
            "{o.failure}",
        ),
        Row(
            AFTER,
            "the output cannot be",
            lambda o: o.fold_error != "",
            JobState.FAILURE,
            (Action.CLOSE_FAILED,),
            "{o.fold_error}",
        ),
        Row(EGRESSING, "egress is due", lambda o: o.egress_due, None, (Action.EGRESS,)),
        Row(EGRESSING, "egress is done", lambda o: True, JobState.FINISHING),
        Row(FINISHING, "output and index are made", lambda o: True, JobState.SUCCESS, (Action.CLOSE_SUCCESS,)),
    ),
)


def decide(observation: Observation) -> Decision[JobState, Action]:
    """Return the state a job has next, and what to do for it."""
    return TABLE.decide(observation)


def render() -> str:
    """Return the table in Markdown."""
    return TABLE.render()
