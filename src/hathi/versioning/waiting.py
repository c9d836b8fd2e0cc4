"""Waiting for commits: sleep on the change feed, never ask again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hathi.model.infos import CommitInfo, CommitState, Origin
from hathi.model.references import CommitSpec, Repo
from hathi.versioning.store import Store

Cancelled = Callable[[], bool]
OnLeave = Callable[[Callable[[], None]], object]
"""Registers a call for the moment the client leaves (gRPC's `context.add_callback`), so that the wait ends at once."""


def never() -> bool:
    """The client that never leaves."""
    return False


def wait_commit(
    store: Store,
    spec: CommitSpec,
    state: CommitState = CommitState.FINISHED,
    cancelled: Cancelled = never,
    on_leave: OnLeave | None = None,
) -> CommitInfo:
    """Return the commit once it has reached `state`.

    Raises what `commits.inspect` raises, also when the commit is deleted meanwhile; Cancelled when the client leaves or the
    server stops.
    """
    raise NotImplementedError


def wait_commit_set(
    store: Store, id: str, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> Iterator[CommitInfo]:
    """Yield the commits of a set, each when it is FINISHED, upstream ones first. Raises CommitSetNotFound."""
    raise NotImplementedError


def subscribe(
    store: Store,
    repo: Repo,
    branch: str = "",
    *,
    from_: CommitSpec | None = None,
    state: CommitState = CommitState.STARTED,
    origin: Origin | None = None,
    cancelled: Cancelled = never,
    on_leave: OnLeave | None = None,
) -> Iterator[CommitInfo]:
    """Yield the commits of a repo (of a branch, if given), oldest first, then new ones as they come, without end.

    from_: only commits made after this one. state: each commit is yielded once it has reached it.
    """
    raise NotImplementedError
