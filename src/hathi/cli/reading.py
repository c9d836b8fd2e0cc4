"""Reading the sources of `put file`: local files and folders, archives, standard input.

The problem: ten thousand small files must be read as fast as the disk gives them, and one file of a terabyte in
constant memory, and both must arrive in order. Hence the rule: what is read is a stream of pieces; small files are read
whole by a few threads a little ahead of the stream, big ones piece by piece as the stream asks for them.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hathi.cli.errors import CliError
from hathi.cli.placing import STDIN, Placed
from hathi.model import paths

PIECE = 1 << 20
"""Bytes of a big file that are read at once."""

SMALL = 1 << 18
"""Files up to this many bytes are read whole, ahead of time."""

GROUP = 64
"""Small files that one thread reads in one go."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file. The first piece of a file opens it, the others continue it."""

    path: str
    data: bytes
    first: bool = True


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine, its path in the repo, and its size when it was listed."""

    local: str
    path: str
    size: int


def list_files(placed: Iterable[Placed], *, recursive: bool, warn: Callable[[str], None]) -> Iterator[LocalFile]:
    """Yield the local files that sources stand for, folders in the order of names; or raise CliError."""
    for each in placed:
        try:
            found = Path(each.source).stat()
        except OSError as error:
            raise CliError(f"cannot read {each.source}: {error.strerror}") from error
        if not stat.S_ISDIR(found.st_mode):
            yield LocalFile(each.source, each.path, found.st_size)
        elif not recursive:
            raise CliError(f"{each.source} is a directory; use -r to put it with everything in it")
        else:
            yield from _walk(each.source, each.path.rstrip("/"), warn)


def _walk(folder: str, path: str, warn: Callable[[str], None]) -> Iterator[LocalFile]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise CliError(f"cannot read {folder}: {error.strerror}") from error
    for entry in entries:
        below = f"{path}/{entry.name}"
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, below, warn)
            elif entry.is_file():
                yield LocalFile(entry.path, below, entry.stat().st_size)
            else:
                warn(f"skipped {entry.path}: neither a file nor a folder")
        except OSError as error:
            raise CliError(f"cannot read {entry.path}: {error.strerror}") from error


def read_files(files: Iterable[LocalFile], threads: int) -> Iterator[Piece]:
    """Yield the contents of files in order; up to `threads` groups of small files are read ahead."""
    waiting: deque[Future[list[Piece]] | LocalFile] = deque()
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="read") as pool:
        try:
            for group in _groups(files):
                big = isinstance(group, LocalFile)
                waiting.append(group if isinstance(group, LocalFile) else pool.submit(_read_small, group))
                while waiting and (big or len(waiting) > threads):
                    yield from _pieces(waiting.popleft())
            while waiting:
                yield from _pieces(waiting.popleft())
        finally:
            for left in waiting:
                if isinstance(left, Future):
                    left.cancel()


def _groups(files: Iterable[LocalFile]) -> Iterator[list[LocalFile] | LocalFile]:
    """Gather neighbouring small files; a big one stands alone."""
    group: list[LocalFile] = []
    for file in files:
        if file.size > SMALL or len(group) == GROUP:
            if group:
                yield group
            group = []
        if file.size > SMALL:
            yield file
        else:
            group.append(file)
    if group:
        yield group


def _pieces(group: Future[list[Piece]] | LocalFile) -> Iterator[Piece]:
    return _read_big(group) if isinstance(group, LocalFile) else iter(group.result())


def _read_small(group: list[LocalFile]) -> list[Piece]:
    pieces: list[Piece] = []
    for file in group:
        pieces += _read_big(file)
    return pieces


def _read_big(file: LocalFile) -> Iterator[Piece]:
    try:
        with open(file.local, "rb", buffering=0) as source:
            yield from cut(source.read, file.path)
    except OSError as error:
        raise CliError(f"cannot read {file.local}: {error.strerror}") from error


def cut(read: Callable[[int], bytes | None], path: str) -> Iterator[Piece]:
    """Yield a stream in pieces; an empty one is one empty piece."""
    data = read(PIECE) or b""
    yield Piece(path, data)
    while data:
        if data := read(PIECE) or b"":
            yield Piece(path, data, first=False)


def read_stdin(path: str) -> Iterator[Piece]:
    """Yield standard input as one file."""
    return cut(_stdin().read, path)


def read_archive(placed: Placed) -> Iterator[Piece]:
    """Yield the regular files of a tar archive (plain or gzip), below the path without the archive's ending."""
    base = placed.path.rstrip("/") if placed.source == STDIN else _without_ending(placed.path).rstrip("/")
    try:
        with _open(placed.source) as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
            for member in archive:
                if member.isfile():
                    content = archive.extractfile(member)
                    assert content is not None
                    yield from cut(content.read, f"{base}{paths.clean(member.name)}")
    except (OSError, tarfile.TarError) as error:
        source = "standard input" if placed.source == STDIN else placed.source
        raise CliError(f"cannot unpack {source}: {error}") from error


def _open(source: str) -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(_stdin()) if source == STDIN else Path(source).open("rb")


def _stdin() -> BinaryIO:
    """Return standard input without a buffer. Python aborts when it ends while a thread waits inside a buffer, and
    gRPC's thread does wait there when a call fails or is interrupted before the input has ended."""
    plain: BinaryIO = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    return plain


def is_archive(name: str) -> bool:
    """Return whether a name is that of an archive that `--untar` unpacks."""
    return name.endswith((".tar", ".tar.gz", ".tgz"))


def _without_ending(path: str) -> str:
    """`/a/data.tar.gz` -> `/a`: members are put beside where the archive itself would be."""
    return path.rsplit("/", 1)[0] if is_archive(path) else path
