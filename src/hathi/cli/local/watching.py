"""When did somebody save? The state of a folder's files is compared with what it was, a few times a second.

A tool that runs while a person edits needs no help of the kernel for that: a source folder has hundreds of files, and
looking at them takes milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

SECONDS = 0.3
"""Between two looks: less than a person notices."""

SKIPPED = frozenset({"__pycache__", "node_modules"})
"""Folders that programs write to, beside those whose names begin with a dot."""

Moment = Mapping[Path, tuple[int, int]]
"""The files of a folder, each with the time of its last change in ns, and its size."""


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a source folder."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        yield from (Path(place, name) for name in names)


def moment(files: Iterable[Path]) -> Moment:
    """Return the state of files now, leaving out what has gone."""
    found = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        found[file] = (status.st_mtime_ns, status.st_size)
    return found


def changes(before: Moment, after: Moment) -> list[Path]:
    """Return what was added, changed or removed, sorted."""
    return sorted(file for file in {*before, *after} if before.get(file) != after.get(file))


def wait_for_change(look: Callable[[], Moment], before: Moment, pause: Callable[[float], object]) -> list[Path]:
    """Return what differs from `before`, as soon as something does and two looks in a row agree on it."""
    last = before
    while True:
        now = look()
        if now == last and (changed := changes(before, now)):
            return changed
        last = now
        pause(SECONDS)
