"""The root folder: made private, locked, and holding a few files of one word that decide what a server is.

Such a file is written whole and durably, and is checked each time it is read: a value that is empty or unknown may come
from a crash, a full disk or an editor, and going on with another value would take one installation for another.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hathi.model.errors import PreconditionError, UnavailableError

log = logging.getLogger("hathi.server")


def hold(root: Path, parts: ExitStack) -> None:
    """Make the root folder, private, and lock it until `parts` ends: two servers would undo each other's work."""
    try:
        keep_private(root)
        lock = parts.enter_context((root / "lock").open("w"))
    except OSError as error:
        raise UnavailableError(explain(error, root)) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise PreconditionError(f"another pachd serves {root}; stop it, or choose another folder with --root") from None


def keep_private(root: Path) -> None:
    """Make the root folder, or take an empty one, for its owner's eyes only.

    One with other things in it stays as it is: it may be a folder that others need.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        root.mkdir(mode=0o700)
        return
    except FileExistsError:
        pass
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077 and not any(root.iterdir()):
        root.chmod(0o700)
    elif mode & 0o077:
        log.warning("others may look into %s (its mode is %03o): chmod 700 %s", root, mode, root)


def explain(error: OSError, root: Path) -> str:
    """Return why the root folder cannot be used, in one line, with what to do."""
    path = error.filename if isinstance(error.filename, str) else str(error.filename or root)
    full = error.errno in _FULL
    reason = "the disk is full; make room, then start again" if full else error.strerror or str(error)
    return (
        f"cannot use the root folder {root}: {path}: {reason}"
        if path != str(root)
        else (f"cannot use the root folder {root}: {reason}")
    )


_FULL = (28, 122)  # ENOSPC, EDQUOT


def read_word(path: Path) -> str | None:
    """Return what a file of one word holds, perhaps ""; None when there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None


def write_word(path: Path, word: str) -> None:
    """Write a file of one word, so that it is there whole or not at all, and outlives a power cut."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{word}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def decided(path: Path, choices: tuple[str, ...], decide: Callable[[], str], about: str) -> str:
    """Return the word in a file, one of `choices`; where there is no such file, decide and write it.

    about: completes "write ... into it" for a person. Raises PreconditionError when the file holds something else.
    """
    word = read_word(path)
    if word is None:
        word = decide()
        write_word(path, word)
    if word not in choices:
        what = f"holds {word[:40]!r}" if word else "is empty"
        raise PreconditionError(f"the file {path} {what}: write {about} into it, then start again")
    return word
