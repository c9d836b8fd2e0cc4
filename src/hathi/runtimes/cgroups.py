"""Control groups for workers' user code: found by trying, made for each life of a worker, removed when it has ended.

Version 2 needs a group of pachd's own in which it may make others: as a service with `Delegate=yes`, in a container
that may write to its cgroups, or as root. Of version 1 every controller is a hierarchy by itself, and any that can be
written to is used. The groups lie below pachd's own, so that its limits hold for them too; where those of version 2
cannot, since other programs share pachd's group, root makes them at the top, as container engines do.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hathi.datum.cgroup import Cgroup
from hathi.datum.limits import Bounds

PREFIX = "hathi-"
"""How the names of our folders begin."""

CONTROLLERS = ("memory", "pids", "cpu")

ADVICE = (
    "pachd can make no cgroup here; to let it, start it as a service with Delegate=yes, "
    "or with `systemd-run --user --scope -p Delegate=yes pachd`, or as root"
)

REMOVE_SECONDS = 2.0
"""How long the processes of a group that is removed may take to end."""

_PERIOD = 100_000
"""Microseconds in which a group may use its share of processors."""

_FEATURE = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "pids": ("pids.max", "pids.max"),
    "cpu": ("cpu.max", "cpu.cfs_quota_us"),
}
"""A file of each controller that shows that a group has it: of version 2, and 1."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A hierarchy, and where our process is in it. controllers: of version 1; none for the unified one."""

    controllers: frozenset[str]
    top: Path
    own: Path


@dataclass(frozen=True, slots=True)
class Base:
    """A folder in which groups of workers are made, and what can be limited in it."""

    folder: Path
    controllers: frozenset[str]
    unified: bool


class Cgroups:
    """Makes groups for the workers of one pachd. Safe to call from any thread."""

    def __init__(self, name: str, hierarchies: Iterable[Mounted] | None = None, left: Iterable[Path] = ()) -> None:
        """name: of our folder in each hierarchy. left: the folders of a pachd before us, removed where they are empty.

        hierarchies: what is mounted here, found when None.
        """
        for folder in left:
            remove_empty(folder)
        self._lock = threading.Lock()
        self._leftover: list[Path] = []
        self.bases = tuple(_bases(name, mounted() if hierarchies is None else list(hierarchies)))
        self._held = [_hold(base.folder) for base in self.bases]
        for base in self.bases:
            _remove_abandoned(base.folder.parent)

    @property
    def able(self) -> frozenset[str]:
        """What can be limited, of CONTROLLERS."""
        return frozenset(each for base in self.bases for each in base.controllers)

    def give_up(self) -> None:
        """Make no group any more, since none can be entered."""
        self.close()
        self.bases = ()

    def make(self, worker: str, bounds: Bounds) -> Cgroup:
        """Make the group of a worker, with its limits, in each hierarchy. OSError when one cannot be had any more."""
        self._sweep()
        made: list[Path] = []
        try:
            for base in self.bases:
                if not base.unified and not _needed(base, bounds):
                    continue
                folder = _folder_in(base, worker)
                made.append(folder)
                _limit(folder, base, bounds)
        except OSError:
            self.remove(Cgroup(tuple(made)))
            raise
        return Cgroup(tuple(made))

    def remove(self, group: Cgroup) -> None:
        """End what is left in a group, and remove it; later, when that takes too long."""
        until = time.monotonic() + REMOVE_SECONDS
        for folder in group.folders:
            _kill(folder)
            while not remove_empty(folder):
                if time.monotonic() > until:
                    with self._lock:
                        self._leftover.append(folder)
                    break
                time.sleep(0.01)

    def close(self) -> None:
        """Remove our folders. Those that are in use stay, for the next pachd to remove."""
        self._sweep()
        for base in self.bases:
            remove_empty(base.folder)
        self.let_go()

    def let_go(self) -> None:
        """Let anybody remove our folders, as the end of our process does."""
        while self._held:
            os.close(self._held.pop())

    def _sweep(self) -> None:
        with self._lock:
            self._leftover = [folder for folder in self._leftover if not remove_empty(folder)]


def _hold(folder: Path) -> int:
    """Lock a folder of ours for as long as our process lives, and return the descriptor that does so."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_abandoned(folder: Path) -> None:
    """Remove the folders that any pachd left which lives no more: nobody holds them."""
    for left in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not (left / "cgroup.procs").read_text():
                    remove_empty(left)
            finally:
                os.close(descriptor)


def remove_empty(folder: Path) -> bool:
    """Remove a group, with the groups in it, where no process is in them; returns whether it is gone."""
    try:
        for child in [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]:
            remove_empty(child)
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def mounted(process: Path = Path("/proc/self")) -> list[Mounted]:
    """Return the hierarchies of this machine that our process is in, and can see."""
    try:
        groups = dict(_groups((process / "cgroup").read_text()))
        return list(_mounted((process / "mountinfo").read_text(), groups))
    except OSError:
        return []


def _groups(text: str) -> Iterator[tuple[frozenset[str], str]]:
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        yield frozenset(filter(None, controllers.split(","))), path


def _mounted(text: str, groups: Mapping[frozenset[str], str]) -> Iterator[Mounted]:
    seen: set[frozenset[str]] = set()
    for line in text.splitlines():
        fields, _, after = line.partition(" - ")
        kind, _, options = (*after.split(" ", 2), "", "")[:3]
        root, place = fields.split(" ")[3:5]
        if kind == "cgroup2":
            controllers: frozenset[str] = frozenset()
        elif kind == "cgroup":
            flags = set(options.split(","))
            controllers = next((each for each in groups if each and each <= flags), frozenset())
            if not controllers:
                continue
        else:
            continue
        if controllers in seen or controllers not in groups:
            continue
        seen.add(controllers)
        own = groups[controllers]
        top = Path(place)
        inside = own[len(root.rstrip("/")) :] if own == root or own.startswith(root.rstrip("/") + "/") else ""
        yield Mounted(controllers, top, top / inside.strip("/") if ".." not in own else top)


def _bases(name: str, hierarchies: Iterable[Mounted]) -> Iterator[Base]:
    """Yield a folder in each hierarchy that has a controller which no folder before has."""
    missing = set(CONTROLLERS)
    for each in sorted(hierarchies, key=lambda each: bool(each.controllers)):  # the unified one first
        wanted = missing if not each.controllers else missing & each.controllers
        if not wanted:
            continue
        for attempt in (_unified_below, _unified_at_top) if not each.controllers else (_version_1,):
            base = attempt(name, each, wanted)
            if base is not None:
                missing -= base.controllers
                yield base
                break


def _version_1(name: str, each: Mounted, wanted: set[str]) -> Base | None:
    return _base(each.own / name, wanted, unified=False)


def _unified_below(name: str, each: Mounted, wanted: set[str]) -> Base | None:
    """Make our folder in pachd's own group, which must hold groups alone: pachd moves into one beside it."""
    if each.own == each.top and _is_root_group(each.own):
        return None
    with contextlib.suppress(OSError, ValueError):
        if not _enable(each.own, wanted):
            if [int(word) for word in (each.own / "cgroup.procs").read_text().split()] != [os.getpid()]:
                return None
            leaf = each.own / f"{name}-pachd"
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text(str(os.getpid()))
            _enable(each.own, wanted)
        return _unified(each.own / name, wanted)
    return None


def _unified_at_top(name: str, each: Mounted, wanted: set[str]) -> Base | None:
    with contextlib.suppress(OSError):
        _enable(each.top, wanted)
    return _unified(each.top / name, wanted)


def _unified(folder: Path, wanted: set[str]) -> Base | None:
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        _enable(folder, wanted)
    return _base(folder, wanted, unified=True)


def _is_root_group(folder: Path) -> bool:
    return not (folder / "cgroup.type").exists()


def _enable(folder: Path, wanted: set[str]) -> bool:
    """Let groups in a folder have controllers; returns whether they have one that is wanted."""
    there = set((folder / "cgroup.controllers").read_text().split())
    for each in wanted & there:
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{each}")
    return bool(wanted & set((folder / "cgroup.subtree_control").read_text().split()))


def _base(folder: Path, wanted: set[str], *, unified: bool) -> Base | None:
    """Return what a folder is good for, by making a group in it; None when for nothing."""
    trial = folder / "trial"
    try:
        folder.mkdir(exist_ok=True)
        remove_empty(trial)
        trial.mkdir()
        found = {each for each in wanted if os.access(trial / _FEATURE[each][not unified], os.W_OK)}
        if not os.access(trial / "cgroup.procs", os.W_OK):
            found = set()
        trial.rmdir()
    except OSError:
        found = set()
    if found:
        return Base(folder, frozenset(found), unified)
    remove_empty(folder)
    return None


def _needed(base: Base, bounds: Bounds) -> bool:
    """Return whether a hierarchy of version 1 limits anything. Each that a short command enters costs it some time:
    that of memory alone made a run a third longer.
    """
    wanted = {"cpu": bounds.cpu or bounds.cpu_share, "memory": bounds.memory or bounds.memory_share}
    return any(wanted.get(each, bounds.processes) for each in base.controllers)


def _folder_in(base: Base, worker: str) -> Path:
    """Make a worker's folder. While no worker runs, ours is empty, and other programs may have removed it."""
    folder = base.folder / worker
    try:
        folder.mkdir()
    except FileNotFoundError:
        base.folder.mkdir(exist_ok=True)
        if base.unified:
            _enable(base.folder, set(base.controllers))
        folder.mkdir()
    return folder


def _limit(folder: Path, base: Base, bounds: Bounds) -> None:
    """Give a group its limits. What only says what is to be done on a busy machine may fail."""
    must, may = (_unified_limits if base.unified else _version_1_limits)(bounds)
    for name, text in must:
        if name.partition(".")[0] in base.controllers and (folder / name).exists():
            (folder / name).write_text(text)
    for name, text in may:
        if name.partition(".")[0] in base.controllers:
            with contextlib.suppress(OSError):
                (folder / name).write_text(text)


_Limits = tuple[list[tuple[str, str]], list[tuple[str, str]]]


def _unified_limits(bounds: Bounds) -> _Limits:
    must: list[tuple[str, str]] = []
    may: list[tuple[str, str]] = []
    if bounds.memory:
        must += [("memory.max", str(bounds.memory)), ("memory.swap.max", "0")]
    if bounds.processes:
        must.append(("pids.max", str(bounds.processes)))
    if bounds.cpu:
        must.append(("cpu.max", f"{_quota(bounds.cpu)} {_PERIOD}"))
    if bounds.cpu_share:
        may.append(("cpu.weight", str(min(10_000, max(1, round(bounds.cpu_share * 100))))))
    if bounds.memory_share:
        may.append(("memory.low", str(bounds.memory_share)))
    return must, may


def _version_1_limits(bounds: Bounds) -> _Limits:
    must: list[tuple[str, str]] = []
    may: list[tuple[str, str]] = []
    if bounds.memory:
        names = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        must += [(name, str(bounds.memory)) for name in names]
    if bounds.processes:
        must.append(("pids.max", str(bounds.processes)))
    if bounds.cpu:
        must += [("cpu.cfs_period_us", str(_PERIOD)), ("cpu.cfs_quota_us", str(_quota(bounds.cpu)))]
    if bounds.cpu_share:
        may.append(("cpu.shares", str(max(2, round(bounds.cpu_share * 1024)))))
    if bounds.memory_share:
        may.append(("memory.soft_limit_in_bytes", str(bounds.memory_share)))
    return must, may


def _quota(processors: float) -> int:
    return max(1000, round(processors * _PERIOD))


def _kill(folder: Path, kill: Callable[[int, int], None] = os.kill) -> None:
    """End every process in a group, which is one that we made."""
    with contextlib.suppress(OSError):
        (folder / "cgroup.kill").write_text("1")
        return
    with contextlib.suppress(OSError, ValueError):
        for process in itertools.islice(map(int, (folder / "cgroup.procs").read_text().split()), 100_000):
            with contextlib.suppress(OSError):
                kill(process, signal.SIGKILL)
