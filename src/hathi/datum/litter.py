"""Removing what user code left: folders without permissions, trees deeper than a path may be long, strange names."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

MAX_DEPTH = 200  # levels; far below Python's recursion limit


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it. OSError when something of it cannot be removed."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        _flatten(folder)
        shutil.rmtree(folder, onerror=_insist)


def _flatten(top: Path) -> None:
    """Give back permissions on every folder, and move those that lie deep up into `top`, so that none is too deep."""
    serial = 0
    pending = [(top, 0)]
    while pending:
        folder, depth = pending.pop()
        folder.chmod(0o700)
        with os.scandir(folder) as entries:
            below = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        for path in below:
            path.chmod(0o700)
            if depth < MAX_DEPTH:
                pending.append((path, depth + 1))
                continue
            up = top / f".hathi-litter-{serial}"
            while up.exists():
                serial += 1
                up = top / f".hathi-litter-{serial}"
            path.rename(up)
            pending.append((up, 1))


def _insist(retry: Callable[[str], object], path: str, _: object) -> None:
    """Make a folder writable and try again: what could not be removed was in it."""
    parent = Path(path).parent
    if not stat.S_IMODE(parent.lstat().st_mode) & stat.S_IWUSR:
        parent.chmod(0o700)
    retry(path)
