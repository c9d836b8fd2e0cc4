"""Removing what user code left: folders without permissions, trees deeper than a path may be long, strange names."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections import deque
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it. OSError when something of it cannot be removed."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        folder.chmod(0o700)
        _empty(folder)
        folder.rmdir()


def _empty(folder: Path) -> None:
    """Remove all that is in a folder, moving what lies deep up into it: so neither depth nor the length of a path
    matters, and two descriptors are enough."""
    top = os.open(folder, _FOLDER)
    try:
        # Nobody who made a name in there could guess ours.
        fresh = map(f".litter-{secrets.token_hex(8)}-{{}}".format, itertools.count())
        pending = deque(_remove_files(top))
        while pending:
            name = pending.popleft()
            os.chmod(name, 0o700, dir_fd=top)
            within = os.open(name, _FOLDER, dir_fd=top)
            try:
                for below in _remove_files(within):
                    os.chmod(below, 0o700, dir_fd=within)  # moving a folder changes its "..", so it must be writable
                    up = next(fresh)
                    os.rename(below, up, src_dir_fd=within, dst_dir_fd=top)
                    pending.append(up)
            finally:
                os.close(within)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _remove_files(folder: int) -> list[str]:
    """Remove from an open folder all but its folders, and return the names of these."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]
