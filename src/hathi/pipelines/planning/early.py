"""What a job can begin with while the jobs before it are still at work: datums whose ids none of them knows.

How those jobs will end is open, so which of their datums can be kept is open, too. But whatever they come to, it says
nothing about an id that is in none of their inputs and in no index that they start from: that datum runs, and what is
planned later finds it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hathi.model.identity import datum_hash, datum_id
from hathi.model.inputs import Input
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.planning.affected import affected
from hathi.pipelines.planning.combos import Combo, enumerate_combos, find, refs_of
from hathi.pipelines.planning.steps import Run, Wanted
from hathi.pipelines.planning.trees import Trees


@dataclass(frozen=True, slots=True)
class AtWork:
    """What the datums of a job that has not ended follow from."""

    input: Input
    trees: Trees


def plan_early(wanted: Wanted, at_work: Sequence[AtWork], indexes: Sequence[DatumIndex]) -> Iterator[Run]:
    """Yield the datums that are in no input of the jobs `at_work` (the latest first, at least one) and in no index.

    indexes: that of the base which the first of those jobs starts from, and what jobs that ended since then left.
    """
    for combo in _candidates(wanted, at_work[0]):
        refs = refs_of(combo)
        if any(find(job.input, job.trees, refs) for job in at_work):
            continue
        id = datum_id(combo)
        if all(index.encoded(id) is None for index in indexes):
            yield Run(id, datum_hash(id, combo, wanted.salt), combo)


def _candidates(wanted: Wanted, latest: AtWork) -> Iterator[Combo]:
    """Yield what the latest job may not have: all, or what changed since if its input was of the same kind."""
    if latest.input != wanted.input:
        yield from enumerate_combos(wanted.input, wanted.trees)
        return
    for refs in affected(wanted.input, latest.trees, wanted.trees):
        if (combo := find(wanted.input, wanted.trees, refs)) is not None:
            yield combo
