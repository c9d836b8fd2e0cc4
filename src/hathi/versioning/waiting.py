"""Waiting for commits: sleep on the change feed, never ask again and again.

The order that misses nothing is: subscribe, look, sleep. A wait ends early when the client leaves or the server stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

from sqlalchemy import Select

from hathi.metadata.database import Transaction
from hathi.metadata.feed import Subscription
from hathi.metadata.tables.pfs import commits as table
from hathi.model.infos import CommitInfo, CommitState, Origin
from hathi.model.references import Commit, CommitSpec, Repo
from hathi.versioning import commits, lookup
from hathi.versioning.errors import RepoNotFound, WaitEnded
from hathi.versioning.rows import commit_row, repo_id, select_commits
from hathi.versioning.store import Store
from hathi.versioning.telling import commit_infos

Cancelled = Callable[[], bool]
OnLeave = Callable[[Callable[[], None]], object]
"""Registers a call for the moment the client leaves (gRPC's `context.add_callback`), so that the wait ends at once."""

_CHECK_SECONDS = 5.0
"""How often a waiter without `on_leave` looks whether its client has left."""

_PAGE = 100
"""Commits that a subscriber reads at once."""


def never() -> bool:
    """The client that never leaves."""
    return False


class Patience:
    """Sleeps on a subscription until something happens; raises WaitEnded when there is nobody left to wait for.

    look: returns what a function sees, or what another waiter saw with the same key since this one was woken.
    """

    def __init__(
        self, store: Store, subscription: Subscription, cancelled: Cancelled, on_leave: OnLeave | None
    ) -> None:
        self._store = store
        self._subscription = subscription
        self.look = subscription.look
        self._cancelled = cancelled
        self._timeout = None if on_leave is not None or cancelled is never else _CHECK_SECONDS
        if on_leave is not None:
            on_leave(subscription.wake)

    def sleep(self) -> None:
        """Return when a topic has arrived, perhaps for nothing. Raises WaitEnded."""
        if self._cancelled() or self._store.db.feed.closed:
            raise WaitEnded
        self._subscription.wait(self._timeout)


@contextmanager
def patience(
    store: Store, *names: str, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> Iterator[Patience]:
    """Subscribe to topics and return what to sleep on; look at the state between this and the first sleep."""
    with store.db.feed.subscribe(*names) as subscription:
        yield Patience(store, subscription, cancelled, on_leave)


def wait_commit(
    store: Store,
    spec: CommitSpec,
    state: CommitState = CommitState.FINISHED,
    cancelled: Cancelled = never,
    on_leave: OnLeave | None = None,
) -> CommitInfo:
    """Return the commit once it has reached `state`.

    Raises what `commits.inspect` raises, also when the commit is deleted meanwhile; WaitEnded when the client leaves or
    the server stops.
    """
    with store.db.read() as tx:
        commit = commits.resolve(tx, spec)
        if _reached(tx, commit, state):
            return _inspect(tx, commit)

    def look() -> CommitInfo | None:
        with store.db.read() as tx:
            return _inspect(tx, commit) if _reached(tx, commit, state) else None

    with patience(store, *_topics(commit), cancelled=cancelled, on_leave=on_leave) as asleep:
        while (info := asleep.look(("commit", commit, state), look)) is None:
            asleep.sleep()
        return info


def wait_commit_set(
    store: Store, id: str, cancelled: Cancelled = never, on_leave: OnLeave | None = None
) -> Iterator[CommitInfo]:
    """Yield the commits of a set, each when it is FINISHED, upstream ones first. Raises CommitSetNotFound."""
    with store.db.read() as tx:
        members = [info.commit for info in commits.commit_set(tx, id)]
    for commit in members:
        spec = CommitSpec(commit.repo, id=commit.id)
        yield wait_commit(store, spec, CommitState.FINISHED, cancelled, on_leave)


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

    from_: only commits made after this one. state: each commit is yielded once it has reached it. Commits that are
    deleted before that are passed over. Raises RepoNotFound (also when the repo is deleted), WaitEnded.
    """
    with patience(store, f"commit/{repo}/", f"repo/{repo}", cancelled=cancelled, on_leave=on_leave) as asleep:
        with store.db.read() as tx:
            repo_key = repo_id(tx, repo)
            seen = 0 if from_ is None else lookup.find(tx, from_).id
        number = _PAGE
        while True:
            look = partial(_look, store, repo, repo_key, branch, origin, state, seen, number)
            page = asleep.look(("commits", repo_key, branch, origin, state, seen, number), look)
            seen = page.seen
            yield from page.reached
            number = 1 if page.blocked else _PAGE  # until the first of them is so far, the others need no look
            if page.blocked or not page.more:
                asleep.sleep()


@dataclass(frozen=True, slots=True)
class _Page:
    """Commits behind a key. reached: those that have reached the state, up to the first that has not, if one has not
    (blocked). seen: the key behind which the next page begins. more: whether there may be more already.
    """

    reached: tuple[CommitInfo, ...]
    seen: int
    blocked: bool
    more: bool


def _look(
    store: Store,
    repo: Repo,
    repo_key: int,
    branch: str,
    origin: Origin | None,
    state: CommitState,
    seen: int,
    number: int,
) -> _Page:
    """Return the page behind `seen`; many subscribers to the same share it. Raises RepoNotFound."""
    with store.db.read() as tx:
        if repo_id(tx, repo) != repo_key:
            raise RepoNotFound(repo)
        found = [
            commit_row(row, repo) for row in tx.connection.execute(_behind(repo_key, branch, origin, seen, number))
        ]
        # With a branch the index is that of the branch, and the few commits of another origin are passed over here.
        wanted = [row for row in found if origin in (None, row.origin)]
        reached = list(takewhile(lambda row: commits.state_of(tx, row).value >= state.value, wanted))
        blocked = len(reached) < len(wanted)
        if blocked:
            seen = reached[-1].id if reached else seen
        elif found:
            seen = found[-1].id
        return _Page(tuple(commit_infos(tx, reached)), seen, blocked, len(found) == number)


def _behind(repo_key: int, branch: str, origin: Origin | None, seen: int, number: int) -> Select[Any]:
    later = select_commits().where(table.c.repo_id == repo_key, table.c.id > seen)
    if branch:
        later = later.where(table.c.branch == branch)
    elif origin is not None:
        later = later.where(table.c.origin == origin)
    return later.order_by(table.c.id).limit(number)


def _reached(tx: Transaction, commit: Commit, state: CommitState) -> bool:
    return commits.state(tx, commit).value >= state.value


def _inspect(tx: Transaction, commit: Commit) -> CommitInfo:
    return commits.inspect(tx, CommitSpec(commit.repo, id=commit.id))


def _topics(commit: Commit) -> tuple[str, str]:
    return f"commit/{commit.repo}/{commit.id}", f"repo/{commit.repo}"
