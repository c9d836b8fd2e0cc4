"""A datum's folder while it is at hand: what is shown to user code as /pfs.

    <stage>/<serial>/<input name>/<path in repo>     private, writable copies of the inputs
    <stage>/<serial>/out/                            what user code makes
    <stage>/<serial>/.env                            its variables

Inputs are written out from the store and never linked to it: user code may be root, and may do anything to its copies.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hathi.datum.litter import remove_tree
from hathi.model.pps import DatumInput
from hathi.storage.chunks.content import EMPTY_CONTENT, Content

OUT = "out"


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
        """Write out a datum's inputs, an empty `out`, and `.env`. A failure leaves nothing behind."""
        folder = self.folder / str(next(self._serials))
        folder.mkdir(mode=0o755)
        try:
            (folder / ".env").write_bytes(env)
            (folder / OUT).mkdir()
            return _Writer(folder, source).write(inputs)
        except BaseException:
            remove_tree(folder)
            raise


class _Writer:
    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder
        self._source = source
        self._made: set[str] = set()
        self._copies: dict[tuple[int, int], Copy] = {}
        self._files = 0
        self._began = time.monotonic()
        self._bytes = 0

    def write(self, inputs: Sequence[DatumInput]) -> Staged:
        for source in inputs:
            top = f"{self._folder}/{source.name}"
            self._make(top)
            for file in self._source.files(source):
                if file.content is not None:
                    self._copy(top + file.path, file.content, empty=source.empty_files)
        return Staged(self._folder, self._copies, self._files, self._bytes, time.monotonic() - self._began)

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            Path(folder).mkdir(0o755, parents=True, exist_ok=True)
            self._made.add(folder)

    def _copy(self, path: str, content: Content, *, empty: bool) -> None:
        self._make(path[: path.rindex("/")])
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            size = 0 if empty or content == EMPTY_CONTENT else _fill(handle, self._source.read(content))
            status = os.fstat(handle)
        finally:
            os.close(handle)
        self._copies[status.st_dev, status.st_ino] = Copy(content, size, status.st_ctime_ns)
        self._files += 1
        self._bytes += size


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
