"""Writes into an open commit: one run for each stream, and few runs however many streams there are.

A commit with ten thousand writes must not be folded from ten thousand runs, nor rewrite all of them each time. So each
run has a level, and whoever adds the last of `FAN` neighbours of one level writes the run that they compose to instead,
one level up, in the same pack and the same transaction. Each change is rewritten a logarithmic number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import commits, runs
from hathi.model.packs import Root
from hathi.storage.chunks.upload import Upload
from hathi.storage.filesets.ops import RUN
from hathi.storage.filesets.run import compose, run_size
from hathi.versioning.rows import CommitRow
from hathi.versioning.store import Store

FAN = 8
"""Neighbouring runs of one level that are merged into one."""


@dataclass(frozen=True, slots=True)
class Run:
    """A row of `runs`."""

    seq: int
    level: int
    root: bytes


def load(tx: Transaction, commit_id: int) -> list[Run]:
    """Return the runs of a commit, in the order in which they take effect."""
    rows = select(runs.c.seq, runs.c.level, runs.c.root).where(runs.c.commit_id == commit_id).order_by(runs.c.seq)
    return [Run(row.seq, row.level, row.root) for row in tx.connection.execute(rows)]


def merge_plan(levels: Sequence[int]) -> tuple[int, int]:
    """Return how many of the last runs, whose levels are given, a new run absorbs, and the level it then has.

    >>> merge_plan([1, 0, 0])
    (0, 0)
    >>> merge_plan([0] * (FAN - 1))
    (7, 1)
    """
    absorbed, level = 0, 0
    while True:
        neighbours = 0
        for other in reversed(levels[: len(levels) - absorbed]):
            if other != level:
                break
            neighbours += 1
        if neighbours < FAN - 1:
            return absorbed, level
        absorbed += neighbours
        level += 1


def add_run(store: Store, upload: Upload, commit: CommitRow, run: bytes) -> bool:
    """Name a run that stands in `upload`, at the end of an open commit; False when the commit is closed by now.

    Raises LeaseLapsed and what the object store raises.
    """
    with store.locks.held(("runs", commit.id)):
        with store.db.read() as tx:
            before = load(tx, commit.id)
        absorbed, level = merge_plan([other.level for other in before])
        tail = before[len(before) - absorbed :]
        merged = compose(upload, [*(other.root for other in tail), run])
        _, size = run_size(upload, run)
        packs = upload.seal()
        with store.db.write() as tx:
            still_open = (commits.c.id == commit.id) & commits.c.finishing.is_(None)
            grown = update(commits).where(still_open).values(size=commits.c.size + size)
            if tx.connection.execute(grown).rowcount == 0:
                return False
            now = load(tx, commit.id)
            if now != before:  # another process wrote meanwhile; merging is for somebody else then
                tail, merged, level = [], run, 0
            if tail:
                gone = (runs.c.commit_id == commit.id) & (runs.c.seq >= tail[0].seq)
                tx.connection.execute(delete(runs).where(gone))
            seq = now[-1].seq + 1 if now else 0
            row = {"commit_id": commit.id, "seq": seq, "level": level, "root": merged}
            tx.connection.execute(insert(runs).values(**row))
            store.ledger.register(tx, upload, packs, [Root(RUN.name, merged)])
    return True
