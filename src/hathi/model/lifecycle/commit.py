"""The life of a commit.

Open, it takes writes; asked to finish, it takes none and its runs are folded into its parent's tree; finished, it never
changes. A commit that ends with an error holds nothing: its runs are not folded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hathi.model.infos import CommitState
from hathi.model.lifecycle.table import Decision, Row, Table


class Action(Enum):
    """What a controller does for a commit."""

    FOLD = "fold the runs into the parent's tree, and check what came of it"
    CLOSE = "name the tree, or none when there is an error; write the size and the time; wake who waits"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is true of a commit now.

    state: as written down. reason: the error it was asked to finish with, "" for none.
    provenance_finished: whether every commit it is made from is finished.
    finish: whether somebody asked to finish it.
    folded: whether its tree is made. fold_error: why the tree cannot be, "" when it can.
    """

    state: CommitState
    reason: str = ""
    provenance_finished: bool = True
    finish: bool = False
    folded: bool = False
    fold_error: str = ""


OPEN = (CommitState.STARTED, CommitState.READY)
FINISHING = (CommitState.FINISHING,)

TABLE: Table[Observation, CommitState, Action] = Table(
    lambda o: o.state,
    (
        Row((CommitState.FINISHED,), "always", lambda o: True, None),
        Row(OPEN, "it shall finish", lambda o: o.finish, CommitState.FINISHING, reason="{o.reason}"),
        Row(
            (CommitState.STARTED,),
            "its provenance is finished",
            lambda o: o.provenance_finished,
            CommitState.READY,
        ),
        Row(OPEN, "nobody asked to finish it", lambda o: True, None),
        Row(
            FINISHING,
            "it was given an error",
            lambda o: o.reason != "",
            CommitState.FINISHED,
            (Action.CLOSE,),
            "{o.reason}",
        ),
        Row(
            FINISHING,
            "its tree cannot be",
            lambda o: o.fold_error != "",
            CommitState.FINISHED,
            (Action.CLOSE,),
            "{o.fold_error}",
        ),
        Row(FINISHING, "its tree is made", lambda o: o.folded, CommitState.FINISHED, (Action.CLOSE,)),
        Row(FINISHING, "its tree is not made", lambda o: True, None, (Action.FOLD,)),
    ),
)


def decide(observation: Observation) -> Decision[CommitState, Action]:
    """Return the state a commit has next, and what to do for it; the reason is the error it carries."""
    return TABLE.decide(observation)


def render() -> str:
    """Return the table in Markdown."""
    return TABLE.render()
