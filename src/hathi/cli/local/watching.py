"""When did somebody save? The state of a folder's files is compared with what it was, a few times a second.

This needs no help of the kernel. A source folder has hundreds of files, which are looked at in milliseconds, and even
ten thousand take a tenth of a second; new folders, renames and folders of other machines need no care of their own; and
which files count may change with every save, of a `.dockerignore` for one.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

SECONDS = 0.3
"""Between two looks: less than a person notices."""

SETTLING_SECONDS = 0.1
"""Between a look that finds a change and the next, which tells whether the save is complete."""

SHARE = 4
"""How many times as long as a look takes to pause after it, at least: big folders are looked at less often."""

SKIPPED = frozenset({"__pycache__", "node_modules"})
"""Folders that programs write to, beside those whose names begin with a dot."""

PROGRAMS = frozenset({".git", "__pycache__"})
"""Folders in which a change is never a save, even where the files in them count as code."""

_BESIDE = re.compile(r"\..*\.sw[a-z]|4913|.*~|\.?#.*#?|.*\.tmp", re.DOTALL)
"""Names that editors give to files beside the one that is edited."""

Moment = Mapping[Path, tuple[int, ...]]
"""The files of a folder, each with what differs after a save: time in ns, size, mode, and which file it is."""


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a source folder."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        yield from (Path(place, name) for name in names)


def saved_by_hand(files: Iterable[Path], folder: Path, apart: Path | None = None) -> list[Path]:
    """Return the files below a folder whose changes are saves. apart: a folder whose files are somebody's results."""
    return [
        file
        for file in files
        if not _BESIDE.fullmatch(file.name)
        and PROGRAMS.isdisjoint(file.relative_to(folder).parts)
        and not (apart and file.is_relative_to(apart))
    ]


def moment(files: Iterable[Path]) -> Moment:
    """Return the state of files now, leaving out what has gone."""
    found = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            found[file] = (status.st_mtime_ns, status.st_size, status.st_mode, status.st_ino)
    return found


def changes(before: Moment, after: Moment) -> list[Path]:
    """Return what was added, changed or removed, sorted."""
    return sorted(file for file in {*before, *after} if before.get(file) != after.get(file))


def wait_for_change(
    look: Callable[[], Moment],
    before: Moment,
    pause: Callable[[float], object],
    clock: Callable[[], float] = time.monotonic,
) -> list[Path]:
    """Return what differs from `before`, as soon as something does and two looks in a row agree on it."""
    last = before
    while True:
        began = clock()
        now = look()
        changed = changes(before, now)
        if now == last and changed:
            return changed
        last = now
        pause(SETTLING_SECONDS if changed else max(SECONDS, SHARE * (clock() - began)))
