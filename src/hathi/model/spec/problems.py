"""What is wrong with a spec: every mistake at once, each with its place.

A mistake is a value, not an exception, so that reading goes on and finds the rest; whoever asked gets one error that
holds them all. The place is kept as keys and indices, spelt as the user spelt them, so that a client can turn it into
a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt

Path = tuple[str | int, ...]
"""Keys and list indices from the top of the spec to a value."""


MOST = 20
"""Problems that one message tells."""

_STEPS = 12
"""Keys and indices of a path that a message shows."""

_STEP = 60
"""Characters of a key that a message shows; people choose some of them."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about a place. `path` is () when the spec as a whole is meant; `message` is one line."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{show(self.path)}: {self.message}" if self.path else self.message


class Problem(Remark):
    """A mistake."""

    __slots__ = ()


class Note(Remark):
    """Something that was understood, but that the user should know: an old field translated or without effect."""

    __slots__ = ()


class SpecError(InvalidError):
    """A spec is wrong. `problems` holds at least one mistake, in the order in which the original checks.

    Of very many only the first are kept; the last then says how many more there are.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        kept = tuple(problems[:MOST])
        if len(problems) > MOST:
            kept = (*kept, Problem((), f"and {len(problems) - MOST:,} more problems"))
        self.problems = kept
        shown = "; ".join(str(problem) for problem in kept)
        super().__init__(shown if len(problems) == 1 else f"{len(problems):,} problems in the spec: {shown}")


def show(path: Path) -> str:
    """Return a path as people write it: `input.cross[0].pfs.glob`."""
    shown = path if len(path) <= _STEPS else (*path[: _STEPS - 2], "...", path[-1])
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{excerpt(step, _STEP)}" for step in shown)
    return text.removeprefix(".")
