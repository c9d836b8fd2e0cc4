"""Decision tables: rows of conditions, of which the first that holds decides.

A row says everything twice, once for the machine (`test`) and once for the reader (`when`); both stand in one place, so
that the printed table cannot drift away from what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

State = TypeVar("State", bound=Enum)
Do = TypeVar("Do", bound=Enum)


class Observed(Protocol):
    """What every observation holds: the state that is written down now, and the reason written down beside it."""

    @property
    def reason(self) -> str: ...


Seen = TypeVar("Seen", bound=Observed)


@dataclass(frozen=True, slots=True)
class Decision(Generic[State, Do]):
    """What follows from an observation.

    state: to be written down. reason: why, for a person, "" when the state speaks for itself.
    actions: to be carried out, in this order; each may be repeated without harm.
    """

    state: State
    reason: str = ""
    actions: tuple[Do, ...] = ()


@dataclass(frozen=True, slots=True)
class Row(Generic[Seen, State, Do]):
    """One row.

    states: in which of them the row applies; () for any.
    when, test: the condition, in words and as a function.
    to: the state that follows; None to stay in the present one and keep its reason.
    actions: what to do.
    reason: why, as a format string over the observation `o`.
    """

    states: tuple[State, ...]
    when: str
    test: Callable[[Seen], bool]
    to: State | None
    actions: tuple[Do, ...] = ()
    reason: str = ""


class Table(Generic[Seen, State, Do]):
    """Rows in the order in which they are tried; for every state there is one that always holds."""

    def __init__(self, state: Callable[[Seen], State], rows: Sequence[Row[Seen, State, Do]]) -> None:
        self._state = state
        self.rows = tuple(rows)

    def decide(self, observation: Seen) -> Decision[State, Do]:
        """Return what follows from `observation`."""
        row = self.row(observation)
        if row.to is None:
            return Decision(self._state(observation), observation.reason, row.actions)
        return Decision(row.to, row.reason.format(o=observation), row.actions)

    def row(self, observation: Seen) -> Row[Seen, State, Do]:
        """Return the row that decides `observation`."""
        state = self._state(observation)
        return next(row for row in self.rows if (not row.states or state in row.states) and row.test(observation))

    def render(self) -> str:
        """Return the table in Markdown."""
        lines = ["| in | when | then | do | reason |", "|---|---|---|---|---|"]
        for row in self.rows:
            cells = (
                ", ".join(state.name for state in row.states) or "any",
                row.when,
                "stay" if row.to is None else row.to.name,
                ", ".join(action.name for action in row.actions) or "nothing",
                row.reason.replace("{o.", "{") or "",
            )
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"
