"""What user code made, taken from /pfs/out.

The folder is as hostile as its author: every name, link and kind of file in it may be chosen to make us read or write
elsewhere. The rules: nothing of it is followed on our side of the sandbox. Regular files are opened without following
links, in the folder itself. A link is followed by the shim, inside the sandbox, where hidden folders are hidden and the
throw-away layer is seen; when it leads to an input that is unchanged, the input's content is named and nothing is read.

`survey` comes right after the run, while the sandbox still shows /pfs and /tmp as the run left them; `keep_files` may
come later, while the next datum runs.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hathi.datum.frames import Kind, Look
from hathi.datum.stage import OUT, Copy, Keep, Staged
from hathi.model.errors import HathiError, InvalidError
from hathi.model.paths import validate
from hathi.storage.chunks.content import EMPTY_CONTENT, Content

PIECE = 1 << 20  # bytes read at once
MAX_DEPTH = 1000  # folders below each other; beyond that a path is longer than the system's calls take

OURS = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.ESTALE, errno.ENODEV, errno.ENXIO}
"""System errors that are the worker's own trouble: they are not put into the datum's reason, but passed on."""

MAX_SHOWN = 200  # characters of a path in a message


class OutputError(HathiError):
    """What user code left in /pfs/out cannot be stored: the datum fails with this text."""


class View(Protocol):
    """The sandbox after a run: what paths lead to there. `Sandbox` is one."""

    def look(self, path: str) -> Look:
        """Return what a path leads to."""
        ...

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file; OSError when it cannot be read."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; OSError when it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A file that user code made. path: in the output repo. content: what it holds when that is known already, or None:
    then the bytes stand in `file`."""

    path: str
    content: Content | None
    file: str = ""


def survey(staged: Staged, view: View, keep: Keep) -> list[Made]:
    """Return every file of a datum's output, in path order, or raise OutputError naming what is wrong.

    Contents that links lead to outside the inputs are given to `keep` at once: the sandbox does not show them for long.
    """
    out = staged.folder / OUT
    if out.is_symlink() or not out.is_dir():
        raise OutputError(f"/pfs/{OUT} is no longer a folder")
    links = _Links(staged.copies, view, keep)
    made: list[Made] = []
    pending = [(str(out), "")]
    while pending:
        folder, above = pending.pop()
        if above.count("/") > MAX_DEPTH:
            raise OutputError(f"/pfs/{OUT}{_shown(above)}: folders are nested too deeply")
        for entry in _entries(folder, above):
            path = f"{above}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                pending.append((entry.path, path))
            elif entry.is_symlink():
                made += links.follow(path)
            elif entry.is_file(follow_symlinks=False):
                made.append(Made(_checked(path), None, entry.path))
            else:
                raise OutputError(
                    f"/pfs/{OUT}{_shown(path)} is {_kind(entry)}; only files, folders and links can be kept"
                )
    made.sort(key=lambda file: file.path)
    return made


def keep_files(made: Sequence[Made], keep: Keep) -> list[tuple[str, Content]]:
    """Store what a survey found and return each path with its content, in path order."""
    return [(file.path, file.content if file.content is not None else keep(_pieces(file))) for file in made]


class _Links:
    """Follows links inside the sandbox."""

    def __init__(self, copies: Mapping[tuple[int, int], Copy], view: View, keep: Keep) -> None:
        self._copies = copies
        self._view = view
        self._keep = keep

    def follow(self, path: str) -> list[Made]:
        """Return what the link at `path` below /pfs/out stands for: one file, or all files of a folder."""
        made: list[Made] = []
        pending: list[tuple[str, frozenset[tuple[int, int]]]] = [(path, frozenset())]
        while pending:
            at, above = pending.pop()
            place = f"/pfs/{OUT}{at}"
            found = self._view.look(place)
            if found.kind is Kind.FILE:
                made.append(Made(_checked(at), self._content(place, found)))
            elif found.kind is Kind.FOLDER and not found.error:
                itself = (found.device, found.inode)
                if itself in above:
                    raise OutputError(f"{_shown(place)} links to a folder that it is in")
                pending += [(f"{at}/{name}", above | {itself}) for name in self._names(place)]
            else:
                raise OutputError(
                    f"{_shown(place)} is a link that cannot be followed: {found.error or 'no file there'}"
                )
        return made

    def _content(self, place: str, found: Look) -> Content:
        copy = self._copies.get((found.device, found.inode))
        if copy is not None and (copy.size, copy.changed) == (found.size, found.changed):
            return copy.content
        if found.error:
            raise OutputError(f"{_shown(place)} links to what cannot be read: {found.error}")
        try:
            return self._keep(self._view.read(place)) if found.size else EMPTY_CONTENT
        except OSError as error:
            raise OutputError(f"{_shown(place)} links to what cannot be read: {error}") from error

    def _names(self, place: str) -> list[str]:
        try:
            return self._view.names(place)
        except OSError as error:
            raise OutputError(f"{_shown(place)} links to a folder that cannot be read: {error}") from error


def _entries(folder: str, above: str) -> list[os.DirEntry[str]]:
    for attempt in (1, 2):
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except PermissionError as error:
            if attempt == 2:
                raise OutputError(f"/pfs/{OUT}{_shown(above)} cannot be read: {error.strerror}") from error
            Path(folder).chmod(0o700)  # it is ours: user code only took the permission away
        except OSError as error:
            if error.errno in OURS:
                raise
            raise OutputError(f"/pfs/{OUT}{_shown(above)} cannot be read: {error.strerror}") from error
    raise AssertionError


def _pieces(file: Made) -> Iterator[bytes]:
    try:
        handle = _open(file.file)
        try:
            while piece := os.read(handle, PIECE):
                yield piece
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in OURS:
            raise
        raise OutputError(f"/pfs/{OUT}{_shown(file.path)} cannot be read: {error.strerror}") from error


def _open(path: str) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except PermissionError:
        # No process of the datum is left, so the name is still the regular file that the survey saw.
        Path(path).chmod(0o600)
        return os.open(path, flags)


def _checked(path: str) -> str:
    try:
        return validate(path)
    except InvalidError as error:
        raise OutputError(
            "cannot upload file produced by the user code because its name cannot be represented in PFS: "
            + _shown(str(error))
        ) from error


def _shown(text: str) -> str:
    """Return a name that user code chose in a form that fits in one line and any encoding."""
    line = text.encode("ascii", errors="backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")
    return line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]}..."


def _kind(entry: os.DirEntry[str]) -> str:
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
