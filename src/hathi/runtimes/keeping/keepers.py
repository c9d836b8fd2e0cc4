"""Groups of workers as they are declared: who is missing is started, who is one too many is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from hathi.datum.litter import remove_tree
from hathi.runtimes.interface import GroupStatus, WorkerGroup
from hathi.runtimes.keeping.companion import Accompany
from hathi.runtimes.keeping.keeper import Keeper
from hathi.runtimes.keeping.place import Place
from hathi.supervision import Record, Supervisor

STOP_SECONDS = 5.0
"""How long workers get to end by themselves."""


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
        if place.scratch.exists():
            remove_tree(place.scratch)  # of workers whose server was killed
        place.scratch.mkdir(0o700, parents=True)  # what user code leaves there is nobody else's to run

    def ensure(self, group: WorkerGroup) -> None:
        """Make the group exist as declared."""
        with self._lock:
            if self._closed:
                return
            present = self._groups.get(group.key)
            if present is None:
                present = self._groups[group.key] = _Group(self._place, self._accompany, self._changed, self._trouble)
            surplus = present.fit(group)
        _stop(surplus)
        self._changed(group.key)

    def remove(self, key: str) -> None:
        """Stop and forget the group."""
        with self._lock:
            group = self._groups.pop(key, None)
        if group is not None:
            _stop(group.keepers)
            self._changed(key)

    def observe(self) -> Mapping[str, GroupStatus]:
        """Return what is true of each group, by key."""
        with self._lock:
            return {key: group.status() for key, group in self._groups.items()}

    def on_change(self, notify: Callable[[str], None]) -> None:
        """Call `notify(key)` whenever what `observe` tells of a group changes."""
        self._notify.append(notify)

    def close(self) -> None:
        """Stop every worker."""
        with self._lock:
            self._closed = True
            groups = list(self._groups.values())
            self._groups.clear()
        _stop([keeper for group in groups for keeper in group.keepers])
        remove_tree(self._place.scratch)

    def _changed(self, key: str) -> None:
        for notify in list(self._notify):
            notify(key)


class _Group:
    """The keepers of one group. Guarded by the runtime's lock."""

    def __init__(self, place: Place, accompany: Accompany, changed: Callable[[str], None], trouble: Record) -> None:
        self._trouble = trouble
        self._place = place
        self._accompany = accompany
        self._changed = changed
        self._gone_restarts = 0
        self.keepers: list[Keeper] = []

    def fit(self, group: WorkerGroup) -> list[Keeper]:
        """Start keepers that lack; return those too many."""
        surplus = self.keepers[group.scale :]
        self._gone_restarts += sum(keeper.restarts for keeper in surplus)
        del self.keepers[group.scale :]
        while len(self.keepers) < group.scale:
            keeper = Keeper(self._place, self._accompany, group, len(self.keepers), self._changed, self._trouble)
            self.keepers.append(keeper)
        return surplus

    def status(self) -> GroupStatus:
        problems = [keeper.problem for keeper in self.keepers if keeper.problem]
        images = [keeper.image for keeper in self.keepers if keeper.image]
        return GroupStatus(
            wanted=len(self.keepers),
            ready=sum(keeper.ready for keeper in self.keepers),
            problem=problems[0] if problems else "",
            restarts=self._gone_restarts + sum(keeper.restarts for keeper in self.keepers),
            image=images[0] if images else "",
            workers=frozenset(keeper.worker for keeper in self.keepers if keeper.worker),
        )


def _stop(keepers: Sequence[Keeper]) -> None:
    for keeper in keepers:
        keeper.stop()
    for keeper in keepers:
        keeper.join(STOP_SECONDS)
