"""Folding closed commits: the controller that turns FINISHING into FINISHED."""

from __future__ import annotations

from hathi.versioning.store import Store


def fold_all(store: Store) -> int:
    """Fold every commit that is FINISHING and whose parent is finished, upstream ones first; returns how many."""
    raise NotImplementedError


class Finisher:
    """A thread that folds commits when the feed tells of one, and at start those that a crash left over."""

    def __init__(self, store: Store) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begin."""
        raise NotImplementedError

    def stop(self) -> None:
        """End; a fold that is going on is finished first."""
        raise NotImplementedError
