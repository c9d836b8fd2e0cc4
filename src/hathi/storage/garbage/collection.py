"""One collection: from the roots that are named to the space that is given back, in small steps.

1. Begin: the database notes every root that is named from now on.
2. Mark everything that the named roots reach.
3. Plan which packs go and which are rewritten, and condemn those.
4. Wait until every upload and reader that began before has ended.
5. Mark again, from the roots that were named since step 1. A condemned pack that turns out to be needed is spared.
6. Drop the others, delete their objects, and objects that nobody has ever named.

Nothing is lost, whoever writes meanwhile. A chunk that step 2 did not reach can only be named again by an upload that
found it before step 3 condemned its pack, or that had read a root which is deleted by now. Either pinned the catalogue
before that, so step 4 waits for it, and what it named is noted, so step 5 reaches it. An upload that begins later does
not rely on condemned packs, and starts from roots that step 2 or step 5 reaches.

It may end at any step, by an error or with the process: the next collection takes back what was condemned and starts
over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from typing import TypeVar

from hathi.model.errors import HathiError
from hathi.model.packs import INDEXES, PACKS, PackRecord
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.chunks.tables import Table
from hathi.storage.garbage.interface import GarbageLedger
from hathi.storage.garbage.marks import Marks
from hathi.storage.garbage.plan import Plan, make_plan
from hathi.storage.garbage.snapshot import take_snapshot
from hathi.storage.garbage.tracing import Tracer, TreeKinds

T = TypeVar("T")

_log = logging.getLogger(__name__)

_NAMES = 500
"""Packs condemned, dropped or looked up in one transaction."""

_REWRITTEN_BYTES = 32 << 20
"""Live bytes that are copied in one step, about."""


class Phase(Enum):
    """What a collection does now; the value is for people."""

    MARKING = "looking for what is in use"
    CONDEMNING = "copying what is in use out of packs that are mostly not"
    WAITING = "waiting for uploads and downloads that began before"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a collection did. freed: bytes, less those of the packs that were written instead.

    packs: how many were deleted. orphans: objects deleted that nobody had named.
    """

    plan: Plan
    freed: int = 0
    packs: int = 0
    orphans: int = 0


class Collection:
    """One collection at work; `steps` runs it. For one thread.

    phase: what it does now. outcome: what it did so far, None until there is a plan.
    """

    def __init__(
        self, chunks: MaintainedChunks, ledger: GarbageLedger, kinds: TreeKinds, roots: Callable[[], Iterable[bytes]]
    ) -> None:
        """Prepare a collection.

        Args:
            chunks: the chunk store.
            ledger: its catalogue.
            kinds: how trees are followed.
            roots: returns every root that is named in the database.
        """
        self._chunks = chunks
        self._ledger = ledger
        self._kinds = kinds
        self._roots = roots
        self.phase = Phase.MARKING
        self.outcome: Outcome | None = None

    def steps(self) -> Generator[Phase]:
        """Run the collection; yields between steps, each of which is short, what it does next.

        WAITING is yielded as long as there is nothing to do but to wait: ask again after a while.
        """
        self._ledger.begin()
        with self._chunks.reading():
            found = take_snapshot(self._chunks.objects, self._ledger)  # before the roots are read
            marks = found.marks()
            yield from self._trace(marks, self._roots())
            plan = make_plan(found.packs, marks.use)
        self.outcome = Outcome(plan)
        yield from self._condemn(plan, marks, {pack.name: pack for pack in found.packs})
        while self._ledger.waiting_for():
            yield self._now(Phase.WAITING)
        yield from self._spare(marks)
        yield from self._drop()
        yield from self._sweep()
        self._ledger.end()

    def give_up(self) -> None:
        """Take back what was condemned, as far as that is possible now; otherwise the next collection does."""
        with suppress(HathiError):
            self._ledger.give_up()

    def _now(self, phase: Phase) -> Phase:
        self.phase = phase
        return phase

    def _trace(self, marks: Marks, roots: Iterable[bytes]) -> Iterator[Phase]:
        for _ in Tracer(self._kinds, self._chunks, marks).trace(roots):
            yield self._now(Phase.MARKING)

    def _condemn(self, plan: Plan, marks: Marks, records: dict[str, PackRecord]) -> Iterator[Phase]:
        for names in _batches((pack.name for pack in plan.drop), _NAMES):
            yield self._now(Phase.CONDEMNING)
            self._ledger.condemn(names)

        def live(table: Table, number: int) -> bool:
            return marks.holds(table.id(number), table.key)

        batch: list[PackRecord] = []
        size = 0
        for pack in plan.rewrite:
            batch.append(records[pack.name])
            size += pack.used
            if size >= _REWRITTEN_BYTES or len(batch) >= _NAMES:
                yield self._now(Phase.CONDEMNING)
                self._rewrite(batch, live)
                batch, size = [], 0
        if batch:
            yield self._now(Phase.CONDEMNING)
            self._rewrite(batch, live)

    def _rewrite(self, packs: list[PackRecord], live: Callable[[Table, int], bool]) -> None:
        for name in self._chunks.rewrite(packs, live):
            _log.warning("garbage collection leaves pack %s as it is: it cannot be read", name)

    def _spare(self, marks: Marks) -> Iterator[Phase]:
        """Take back the packs whose chunks were named again since they were condemned."""
        again = take_snapshot(self._chunks.objects, self._ledger).marks(safe=marks)
        yield from self._trace(again, self._ledger.named())
        if again.stranded:
            self._ledger.spare(sorted(again.stranded))

    def _drop(self) -> Iterator[Phase]:
        for batch in _batches(self._ledger.droppable(), _NAMES):
            yield self._now(Phase.DELETING)
            dropped = set(self._chunks.delete_packs([pack.name for pack in batch]))
            self._count(freed=sum(pack.size for pack in batch if pack.name in dropped), packs=len(dropped))

    def _sweep(self) -> Iterator[Phase]:
        """Delete objects that nobody has named and nobody will: those of writers that are dead."""
        objects = self._chunks.objects
        for prefix in (PACKS, INDEXES):
            for keys in _batches(objects.list(prefix), _NAMES):
                yield self._now(Phase.DELETING)
                for key in self._ledger.orphans(keys):
                    size = objects.size(key)
                    objects.delete(key)
                    self._count(freed=size, orphans=1)

    def _count(self, freed: int, packs: int = 0, orphans: int = 0) -> None:
        done = self.outcome
        assert done is not None
        self.outcome = replace(done, freed=done.freed + freed, packs=done.packs + packs, orphans=done.orphans + orphans)


def rehearse(
    chunks: MaintainedChunks, ledger: GarbageLedger, kinds: TreeKinds, roots: Callable[[], Iterable[bytes]]
) -> Iterator[Plan | None]:
    """Find out what a collection would do, without doing it; yields None between steps, and the plan at the end.

    Others write meanwhile, so a collection that follows may find a little more or less.
    """
    with chunks.reading():
        found = take_snapshot(chunks.objects, ledger)
        marks = found.marks()
        for _ in Tracer(kinds, chunks, marks).trace(roots()):
            yield None
        yield make_plan(found.packs, marks.use)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
