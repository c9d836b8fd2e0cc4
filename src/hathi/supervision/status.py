"""What is known of one background task, for whoever checks the server's health."""

from __future__ import annotations

from dataclasses import dataclass

from hathi.supervision.failures import Failure


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One background task.

    name: what it does, in a few words.
    threads: how many threads of it are alive; wanted: how many there are to be (0 before its start and after its end).
    succeeded, failed: tries since its start.
    failing: what it cannot do for now, longest first.
    """

    name: str
    threads: int
    wanted: int
    succeeded: int
    failed: int
    failing: tuple[Failure, ...]
