"""How a datum that ran here is shown: its output as a listing, how it went in one line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from hathi.cli.local.kept import Output
from hathi.cli.local.running import Ran
from hathi.cli.render import sizes, tables, times
from hathi.model.pps import DatumInput

DIGITS = 3


def inputs_text(inputs: Iterable[DatumInput]) -> str:
    """Return what a datum reads, e.g. `images:/a.png`."""
    return ", ".join(f"{each.name}:{printable(each.path)}" for each in inputs) or "nothing"


def printable(path: str) -> str:
    """Return a path that neither breaks its line nor moves a terminal's cursor: other characters as Python has them."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in path)


def listing(outputs: Sequence[Output]) -> list[str]:
    """Return a datum's output as lines; a datum may well make nothing."""
    if not outputs:
        return ["(no output)"]
    return tables.aligned([("SIZE", "NAME"), *((sizes.size(each.size), printable(each.path)) for each in outputs)])


def summary(ran: Ran) -> str:
    """Return how a run went: its end, its times, its memory."""
    outcome = ran.outcome
    staged = f"{ran.staged_files} file{'' if ran.staged_files == 1 else 's'}, {sizes.size(ran.staged_bytes)}"
    words = [
        f"staged {staged} in {length(ran.staged_seconds)}",
        f"ran {length(outcome.wall_seconds)} (cpu {length(outcome.user_seconds + outcome.system_seconds)})",
    ]
    if outcome.peak_bytes:
        words.append(f"peak memory {sizes.size(outcome.peak_bytes)}")
    return f"{state(ran)}: {', '.join(words)}"


def state(ran: Ran) -> str:
    """Return what the datum's state would be in a job."""
    if not ran.reason:
        return "success"
    return "recovered" if ran.recovered else "failed"


def length(seconds: float) -> str:
    """Return a length of time to three digits."""
    return times.exact(float(f"{seconds:.{DIGITS}g}"))


def command_text(argv: Sequence[str]) -> str:
    """Return a command as it would be typed."""
    return shlex.join(argv)
