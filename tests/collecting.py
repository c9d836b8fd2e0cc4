"""Garbage collection in tests: whole, in steps, and cut off at any place."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from hathi.metadata.collection import DatabaseGarbage
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.storage.garbage.collection import Collection, Outcome, Phase
from hathi.versioning.store import Store


def collection(store: Store, ledger: DatabaseGarbage | None = None) -> Collection:
    """Return a collection of everything that a store holds, yet to be begun."""
    garbage = ledger or DatabaseGarbage(store.db, store.ledger)
    return Collection(store.chunks, garbage, store.trees, lambda: store.roots.read(store.db))


def collect(store: Store, meanwhile: Callable[[], object] = lambda: None) -> Outcome:
    """Collect garbage; an upload or a reader that is at work makes it fail instead of waiting for ever.

    meanwhile: called whenever it waits.
    """
    work = collection(store)
    finish(work.steps(), meanwhile)
    assert work.outcome is not None
    return work.outcome


def finish(steps: Generator[Phase], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Run a collection to its end; see `collect`."""
    waited = 0
    for phase in steps:
        if phase is Phase.WAITING:
            waited += 1
            meanwhile()
        assert waited < 100, "somebody still needs what is condemned"


def until_waiting(steps: Generator[Phase]) -> None:
    """Run a collection until it waits for others, and see that it goes on waiting."""
    assert any(phase is Phase.WAITING for phase in steps), "nobody is waited for"
    assert next(steps) is Phase.WAITING
    assert next(steps) is Phase.WAITING


@contextmanager
def noting_names(store: Callable[[], Store]) -> Iterator[None]:
    """See that every root that is named inside the block is noted for the collection that is under way.

    Does not look when the block ran a collection of its own.
    """
    DatabaseGarbage(store().db, store().ledger).begin()
    before = _named(store())
    yield
    with store().db.read() as tx:
        if store().ledger.collecting(tx) is None:
            return
    noted = set(DatabaseGarbage(store().db, store().ledger).named())
    assert _named(store()) <= before | noted, "a transaction named a root without `register` or `name_roots`"


def _named(store: Store) -> set[bytes]:
    return set(store.roots.read(store.db)) - {EMPTY_ROOT, b""}
