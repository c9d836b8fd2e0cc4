"""A datum's folder while it is at hand: what is shown to user code as /pfs.

    <stage>/<serial>/<input name>/<path in repo>     private, writable copies of the inputs
    <stage>/<serial>/out/                            what user code makes
    <stage>/<serial>/.env                            its variables

Inputs are written out from the store and never linked to it: user code may be root, and may do anything to its copies.

What goes wrong is told apart. `StageError`: this datum can be staged nowhere, or not on a disk like this one, however
often it is tried; it fails. `DiskFull`, other system errors and those of the store: the worker's own trouble; the datum
is handed to whoever can do better.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hathi.datum.litter import remove_tree
from hathi.model.errors import HathiError, UnavailableError
from hathi.model.pps import DatumInput
from hathi.storage.chunks.content import EMPTY_CONTENT, Content

OUT = "out"

PATH_BYTES = 4095
"""The longest path that a system call takes."""

NAME_BYTES = 255
"""The longest name in a folder that common file systems take."""

SHOWN = 100
"""So many characters of a long path are quoted in a message."""

_IMPOSSIBLE = {errno.EINVAL, errno.EILSEQ, errno.ELOOP, errno.EFBIG}
_COLLISION = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
_FULL = {errno.ENOSPC, errno.EDQUOT}


class StageError(HathiError):
    """A datum cannot be staged here, whatever is tried: it fails with this text."""


class DiskFull(UnavailableError):
    """The worker's disk has no room for a datum now, although it is large enough."""


class StoredFile(Protocol):
    """A file of a commit, as file trees tell it."""

    @property
    def path(self) -> str:
        """Clean and absolute in its repo."""
        ...

    @property
    def content(self) -> Content | None:
        """What it holds; None for a directory."""
        ...


class Source(Protocol):
    """Where inputs come from."""

    def files(self, source: DatumInput) -> Iterable[StoredFile]:
        """Return the file, or the files below the directory, that an input names."""
        ...

    def read(self, content: Content) -> Iterator[bytes]:
        """Return the bytes of a file."""
        ...


@dataclass(frozen=True, slots=True)
class Copy:
    """A staged copy, and how to tell that it is unchanged: size and time of the inode's last change, in ns."""

    content: Content
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A datum that is ready to run.

    folder: shown at /pfs; its name is the folder's name below the stage. copies: by (device, inode).
    files, bytes: how much was written out. seconds: how long that took.
    """

    folder: Path
    copies: Mapping[tuple[int, int], Copy]
    files: int
    bytes: int
    seconds: float

    def remove(self) -> None:
        """Remove the folder with whatever user code made of it."""
        remove_tree(self.folder)


class Stage:
    """The folder in which one worker prepares its datums; its methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._serials = itertools.count()

    def prepare(self, inputs: Sequence[DatumInput], env: bytes, source: Source) -> Staged:
        """Write out a datum's inputs, an empty `out`, and `.env`. A failure leaves nothing behind.

        Raises:
            StageError: The datum is to blame: its paths, or its size.
            DiskFull: There is no room for it now.
        """
        needed = sum(part.size for part in inputs if not part.empty_files)
        self._check_size(needed)
        folder = self.folder / str(next(self._serials))
        folder.mkdir(mode=0o755)
        try:
            (folder / ".env").write_bytes(env)
            (folder / OUT).mkdir()
            with _Writer(folder, source) as writer:
                return writer.write(inputs)
        except BaseException as error:
            free = shutil.disk_usage(self.folder).free
            remove_tree(folder)
            if isinstance(error, OSError) and error.errno in _FULL:
                raise DiskFull(
                    f"the worker's disk is full: the datum's inputs are {needed:,} bytes, and {free:,} bytes are free "
                    f"with some of them written"
                ) from error
            raise

    def _check_size(self, needed: int) -> None:
        whole = shutil.disk_usage(self.folder).total
        if needed > whole:
            raise StageError(
                f"the inputs of the datum are {needed:,} bytes, and the worker's whole disk holds {whole:,}; "
                f"let a glob pattern cut the input into smaller datums, or give workers a larger disk"
            )


class _Writer:
    """Writes one datum's files. Paths are relative to its folder, so that their length is the datum's own."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder
        self._source = source
        self._made: set[str] = set()
        self._copies: dict[tuple[int, int], Copy] = {}
        self._files = 0
        self._began = time.monotonic()
        self._bytes = 0
        self._top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._top)

    def write(self, inputs: Sequence[DatumInput]) -> Staged:
        for source in inputs:
            with _blaming(source.name):
                self._make(source.name)
            for file in self._source.files(source):
                if file.content is not None:
                    path = source.name + file.path
                    with _blaming(path):
                        handle = self._create(path)
                    self._fill(handle, file.content, empty=source.empty_files)
        return Staged(self._folder, self._copies, self._files, self._bytes, time.monotonic() - self._began)

    def _make(self, folder: str) -> None:
        """Make a folder and those above it."""
        missing: list[str] = []
        while folder and folder not in self._made:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for each in reversed(missing):
            try:
                os.mkdir(each, 0o755, dir_fd=self._top)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(each, dir_fd=self._top, follow_symlinks=False).st_mode):
                    raise
            self._made.add(each)

    def _create(self, path: str) -> int:
        self._make(path.rpartition("/")[0])
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644, dir_fd=self._top)

    def _fill(self, handle: int, content: Content, *, empty: bool) -> None:
        try:
            size = 0 if empty or content == EMPTY_CONTENT else _fill(handle, self._source.read(content))
            status = os.fstat(handle)
        finally:
            os.close(handle)
        self._copies[status.st_dev, status.st_ino] = Copy(content, size, status.st_ctime_ns)
        self._files += 1
        self._bytes += size


@contextmanager
def _blaming(path: str) -> Iterator[None]:
    """Tell what is wrong with a path, which is the datum's fault, from what is wrong with the disk."""
    if len(f"/pfs/{path}".encode()) > PATH_BYTES:
        raise StageError(
            f"an input's path is too long: /pfs/{_short(path)} has {len(path.encode()) + 5:,} bytes, "
            f"and a path may have {PATH_BYTES:,}"
        )
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            longest = max(path.split("/"), key=lambda name: len(name.encode()))
            raise StageError(
                f"an input's name is too long: {_short(longest)} has {len(longest.encode()):,} bytes, "
                f"and a name may have {NAME_BYTES} on the worker's file system"
            ) from error
        if error.errno in _COLLISION:
            raise StageError(f"/pfs/{_short(path)}: one input's file is in the place of another's folder") from error
        if error.errno in _IMPOSSIBLE:
            raise StageError(
                f"/pfs/{_short(path)} cannot be made on the worker's file system: {error.strerror}"
            ) from error
        raise


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _fill(handle: int, pieces: Iterator[bytes]) -> int:
    size = 0
    for piece in pieces:
        view = memoryview(piece)
        while view:
            written = os.write(handle, view)
            view = view[written:]
            size += written
    return size


Keep = Callable[[Iterable[bytes]], Content]
"""Stores the bytes of one file and returns what it holds: `Upload.content`."""
