"""Groups of workers as they are declared: who is missing is started, who is one too many is stopped.

All groups together have at most as many workers as the machine runs well, shared out by `shares`. When shares change,
no worker is taken from its work: it is asked to leave when that is done, and only then another starts in its place.
Where more groups have work than there may be workers, they take turns.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hathi.datum.litter import remove_tree
from hathi.runtimes.interface import GroupStatus, WorkerGroup
from hathi.runtimes.keeping.companion import Accompany
from hathi.runtimes.keeping.keeper import Keeper
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.keeping.shares import Demand, shares
from hathi.supervision import Supervisor

log = logging.getLogger("hathi.background")

STOP_SECONDS = 5.0
"""How long workers get to end by themselves."""

TURN_SECONDS = 60.0
"""How long a group with work may keep its workers while another one with work has none."""

TURNS = "turns"


class Keepers:
    """Groups of workers; the part that runtimes of this kind share. Safe to call from any thread."""

    def __init__(self, place: Place, accompany: Accompany, supervisor: Supervisor | None = None) -> None:
        self._trouble = (supervisor or Supervisor()).record("worker processes")
        self._place = place
        self._accompany = accompany
        self._lock = threading.Lock()
        self._groups: dict[str, _Group] = {}
        self._notify: list[Callable[[str], None]] = []
        self._closed = False
        self._numbers = itertools.count()
        self._turns = (supervisor or Supervisor()).queue("turns of workers", self._take_turns)
        self._turns.start()
        if place.scratch.exists():
            remove_tree(place.scratch)  # of workers whose server was killed
        place.scratch.mkdir(0o700, parents=True)  # what user code leaves there is nobody else's to run

    def ensure(self, group: WorkerGroup) -> None:
        """Make the group exist as declared, as far as there may be workers."""
        with self._lock:
            if self._closed:
                return
            present = self._groups.get(group.key)
            other = present is None or present.declared.scale != group.scale
            if present is None:
                present = self._groups[group.key] = _Group(group, next(self._numbers))
            elif group.busy and not present.declared.busy:
                present.turn = next(self._numbers)
            present.declared = group
            surplus = present.surplus(group.scale)
        _stop(surplus)
        self._fit(*([group.key] if other else []))  # who declares it knows whether it has work

    def remove(self, key: str) -> None:
        """Stop and forget the group."""
        with self._lock:
            group = self._groups.pop(key, None)
        if group is not None:
            _stop([*group.keepers, *group.leaving])
            self._fit(key)

    def observe(self) -> Mapping[str, GroupStatus]:
        """Return what is true of each group, by key."""
        with self._lock:
            return {key: group.status(self._place.workers) for key, group in self._groups.items()}

    def on_change(self, notify: Callable[[str], None]) -> None:
        """Call `notify(key)` whenever what `observe` tells of a group changes."""
        self._notify.append(notify)

    def close(self) -> None:
        """Stop every worker."""
        with self._lock:
            self._closed = True
            groups = list(self._groups.values())
            self._groups.clear()
        self._turns.stop()
        _stop([keeper for group in groups for keeper in (*group.keepers, *group.leaving)])
        remove_tree(self._place.scratch)

    def _changed(self, key: str) -> None:
        for notify in list(self._notify):
            notify(key)

    def _fit(self, *changed: str) -> None:
        """Let workers leave and start so that every group comes to have its share; tell of those that changed."""
        with self._lock:
            keys = {*changed, *self._share_out()} if not self._closed else {*changed}
        for key in keys:
            self._changed(key)

    def _share_out(self) -> list[str]:
        """Give every group its share; return the keys of those that have another one. To be called with the lock."""
        ordered = sorted(self._groups.values(), key=_Group.order)
        given = shares(
            (Demand(each.key, each.declared.scale, each.declared.busy) for each in ordered), self._place.workers
        )
        now = time.monotonic()
        changed = [each.key for each in ordered if each.granted != given.get(each.key, 0)]
        for each in ordered:
            share = given.get(each.key, 0)
            if not each.granted and share:
                each.since = now
            each.granted = share
            for keeper in each.surplus(share):
                each.leaving.append(keeper)
                keeper.leave()
        free = self._place.workers - sum(len(each.keepers) + len(each.leaving) for each in ordered)
        for each in ordered:
            while free > 0 and len(each.keepers) < each.granted:
                each.keepers.append(self._start(each))
                free -= 1
        if any(each.waits for each in ordered):
            self._turns.add_at(TURNS, datetime.now(UTC) + timedelta(seconds=TURN_SECONDS))
        return changed

    def _start(self, group: _Group) -> Keeper:
        index = next(group.indices)
        return Keeper(self._place, self._accompany, group.declared, index, self._changed, self._trouble, self._left)

    def _left(self, keeper: Keeper) -> None:
        """Give the place of a worker that left to another one."""
        with self._lock:
            group = self._groups.get(keeper.group.key)
            if group is not None:
                group.forget(keeper)
        self._fit(keeper.group.key)

    def _take_turns(self, key: str) -> datetime | None:
        """Let groups with work that have had workers for a while make room for those that have none."""
        self.take_turns(time.monotonic() - TURN_SECONDS)
        with self._lock:
            waiting = any(group.waits for group in self._groups.values())
        return datetime.now(UTC) + timedelta(seconds=TURN_SECONDS) if waiting else None

    def take_turns(self, before: float) -> None:
        """Put groups that have had workers since before a time behind those that wait; nothing when none does."""
        with self._lock:
            groups = sorted(self._groups.values(), key=_Group.order)
            if any(group.waits for group in groups):
                for group in groups:
                    if group.declared.busy and group.granted and group.since <= before:
                        group.turn, group.since = next(self._numbers), time.monotonic()
        self._fit()


class _Group:
    """The keepers of one group. Guarded by the runtime's lock.

    turn: groups with work are served in the order of these. granted: its share. since: when it got some. keepers: of
    workers that take work. leaving: of those that only end what they are at.
    """

    def __init__(self, declared: WorkerGroup, turn: int) -> None:
        self.declared = declared
        self.turn = turn
        self.granted = 0
        self.since = 0.0
        self.keepers: list[Keeper] = []
        self.leaving: list[Keeper] = []
        self.indices = itertools.count()
        self._gone_restarts = 0

    @property
    def key(self) -> str:
        """Its key."""
        return self.declared.key

    @property
    def waits(self) -> bool:
        """Whether it has work, and no share."""
        return self.declared.busy and self.declared.scale > 0 and not self.granted

    def order(self) -> tuple[bool, bool, int]:
        """Return what groups are sorted by. Of those without work, who has workers keeps them."""
        busy = self.declared.busy
        return not busy, not busy and not self.keepers, self.turn

    def surplus(self, scale: int) -> list[Keeper]:
        """Take the keepers beyond a number away."""
        surplus = self.keepers[scale:]
        self._gone_restarts += sum(keeper.restarts for keeper in surplus)
        del self.keepers[scale:]
        return surplus

    def forget(self, keeper: Keeper) -> None:
        """Take a keeper away whose worker has left."""
        self.leaving = [each for each in self.leaving if each is not keeper]

    def status(self, bound: int) -> GroupStatus:
        problems = [keeper.problem for keeper in self.keepers if keeper.problem]
        images = [keeper.image for keeper in (*self.keepers, *self.leaving) if keeper.image]
        wanted = self.declared.scale
        return GroupStatus(
            wanted=wanted,
            ready=sum(keeper.ready for keeper in self.keepers),
            problem=problems[0] if problems else "",
            restarts=self._gone_restarts + sum(keeper.restarts for keeper in self.keepers),
            image=images[0] if images else "",
            workers=frozenset(keeper.worker for keeper in (*self.keepers, *self.leaving) if keeper.worker),
            busy=self.declared.busy,
            granted=self.granted,
            waiting=_waiting(wanted, self.granted, bound),
        )


def _waiting(wanted: int, granted: int, bound: int) -> str:
    """Return why a group has fewer workers than it wants."""
    if granted >= wanted:
        return ""
    most = f"this machine runs at most {bound} workers (pachd --max-workers)"
    if granted:
        return f"it wants {wanted} workers and has {granted}: {most}, which pipelines share"
    return f"it waits for a worker: {most}, and other pipelines have them"


def _stop(keepers: Sequence[Keeper]) -> None:
    """Stop workers together: they share the time they get to end, and the time to be killed."""
    for keeper in keepers:
        keeper.stop()
    deadline = time.monotonic() + STOP_SECONDS
    for keeper in keepers:
        keeper.join(max(deadline - time.monotonic(), 0.0))
    for keeper in keepers:
        keeper.kill()
    deadline = time.monotonic() + STOP_SECONDS
    left = [keeper for keeper in keepers if not keeper.join(max(deadline - time.monotonic(), 0.0))]
    if left:
        log.warning("%d workers have not ended %g s after they were killed", len(left), STOP_SECONDS)
