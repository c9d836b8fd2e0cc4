"""What a job has to do, datum by datum: compare what its inputs ask for with what the datum index says was done.

The rule for one datum is the whole of skipping:

    wanted, recorded as a success under the same hash      nothing: its output stays
    wanted, a killed job recorded such a success           adopt that record
    wanted otherwise                                       run
    not wanted, but recorded                               drop the record, and its output with it

Which datums the rule is asked about is only a matter of cost. When the record's job had the same kind of input, those
that differ between the two states of the input repos, and those that did not succeed; otherwise all of both sides.
Both ways come to the same plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hathi.model.identity import datum_hash, datum_id
from hathi.model.inputs import Input
from hathi.model.pps import DatumInput, DatumState
from hathi.model.records import DatumRecord
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.planning.affected import affected, changed
from hathi.pipelines.planning.combos import Combo, enumerate_combos, find, refs_of
from hathi.pipelines.planning.trees import Trees
from hathi.storage.filesets.datum_inputs import inputs_of


@dataclass(frozen=True, slots=True)
class Run:
    """A worker is to run this datum. `replaces`: whether the index holds an older record of it."""

    id: str
    hash: str
    inputs: tuple[DatumInput, ...]
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Adopt:
    """The record of this datum is to be taken over from the index of that root."""

    id: str
    source: bytes
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """The record of this datum is to go."""

    id: str


Step = Run | Adopt | Drop


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job's datums follow from. again: run every datum, whatever was done before."""

    input: Input
    trees: Trees
    salt: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What was done before: a datum index that holds a record of every datum of its job, and what those followed from.

    input, trees: of that job; None when they are unknown or of no use, which costs looking at everything.
    """

    index: DatumIndex
    input: Input | None = None
    trees: Trees | None = None
    salt: str = ""


def plan(wanted: Wanted, base: Base, killed: Sequence[DatumIndex] = ()) -> Iterator[Step]:
    """Yield what there is to do, each datum at most once; what is not mentioned stays as it is.

    killed: the indexes, newest first, that killed jobs left since the base; successes are adopted from them.
    """
    decide = _Rule(wanted, base.index, killed)
    if base.trees is None or base.input != wanted.input or base.salt != wanted.salt or wanted.again:
        yield from _everything(wanted, base, decide)
    else:
        yield from _changes(wanted, base.trees, base, decide)


def _changes(wanted: Wanted, old: Trees, base: Base, decide: _Rule) -> Iterator[Step]:
    for refs in affected(wanted.input, old, wanted.trees):
        combo = find(wanted.input, wanted.trees, refs)
        # A combination that is gone had its id made of the same names; the old state still tells them.
        known = combo or find(wanted.input, old, refs)
        if known is not None:
            yield from decide.about(datum_id(known), combo)
    for record in base.index.unsuccessful():
        refs = refs_of(tuple(inputs_of(base.index.store, record)))
        if not changed(wanted.input, old, wanted.trees, refs):
            yield from decide.about(record.id, find(wanted.input, wanted.trees, refs))


def _everything(wanted: Wanted, base: Base, decide: _Rule) -> Iterator[Step]:
    for combo in enumerate_combos(wanted.input, wanted.trees):
        yield from decide.about(datum_id(combo), combo)
    for record in base.index.records():
        refs = refs_of(tuple(inputs_of(base.index.store, record)))
        if find(wanted.input, wanted.trees, refs) is None:
            yield Drop(record.id)


class _Rule:
    """The rule of this module, over what one plan knows."""

    def __init__(self, wanted: Wanted, index: DatumIndex, killed: Sequence[DatumIndex]) -> None:
        self._salt = wanted.salt
        self._again = wanted.again
        self._index = index
        self._killed = killed

    def about(self, id: str, combo: Combo | None) -> Iterator[Step]:
        """Yield what is to be done about a datum; `combo` is None when it is not wanted."""
        record = self._index.get(id)
        if combo is None:
            if record is not None:
                yield Drop(id)
            return
        hash = datum_hash(id, combo, self._salt)
        if self._settles(record, hash):
            return
        replaces = record is not None
        for other in self._killed:
            if self._settles(other.get(id), hash):
                yield Adopt(id, other.root, replaces)
                return
        yield Run(id, hash, combo, replaces)

    def _settles(self, record: DatumRecord | None, hash: str) -> bool:
        """Return whether a record is as good as running the datum."""
        return record is not None and not self._again and record.state is DatumState.SUCCESS and record.hash == hash
