"""What a transaction tells those who build on versioned data: which commits it made and which it finished.

`pipelines` makes jobs for new output commits in the transaction that made the commits; it registers a step here when
the program is put together, so that nothing in `versioning` knows who listens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hathi.metadata.database import Transaction
from hathi.model.infos import Origin
from hathi.model.references import Commit

VALIDATE, PROPAGATE, TELL = 100, 200, 300
"""Order of the before-commit steps of versioning; a step registered by others runs after TELL when it asks for more."""


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit that this transaction made. finished: it was made finished (an empty head, a one-off write)."""

    commit: Commit
    branch: str
    origin: Origin
    finished: bool


CommitStep = Callable[[Transaction, Sequence[NewCommit]], None]
FinishStep = Callable[[Transaction, Sequence[Commit]], None]


class Steps:
    """A list of steps for each kind of news. Filled before the first transaction, read-only afterwards."""

    NOTE: ClassVar[str] = "versioning.steps"

    def __init__(self) -> None:
        self._created: list[tuple[int, CommitStep]] = []
        self._finished: list[tuple[int, FinishStep]] = []

    def on_new_commits(self, order: int, step: CommitStep) -> None:
        """Call `step` before COMMIT with the commits the transaction made, upstream ones first; lowest `order` first.

        When a step makes further commits, all steps are called again with those.
        """
        self._created.append((order, step))
        self._created.sort(key=lambda pair: pair[0])

    def on_finished(self, order: int, step: FinishStep) -> None:
        """Call `step` before COMMIT with the commits that became FINISHED, with or without an error."""
        self._finished.append((order, step))
        self._finished.sort(key=lambda pair: pair[0])

    def tell(self, tx: Transaction, created: Sequence[NewCommit], finished: Sequence[Commit]) -> None:
        """Run the steps; called once before COMMIT, and again with what the steps themselves made."""
        if created:
            for _, created_step in self._created:
                created_step(tx, created)
        if finished:
            for _, finished_step in self._finished:
                finished_step(tx, finished)
