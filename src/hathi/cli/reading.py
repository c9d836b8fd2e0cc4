"""Reading the sources of `put file`: local files and folders, archives, standard input.

The problem: ten thousand small files must be read as fast as the disk gives them, and one file of a terabyte in
constant memory, and both must arrive in order. Hence the rule: what is read is a stream of pieces; small files are read
whole by a few threads a little ahead of the stream, big ones piece by piece as the stream asks for them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tarfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hathi.cli.errors import CliError
from hathi.cli.placing import STDIN, Placed
from hathi.model import paths
from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt

PIECE = 1 << 20
"""Bytes of a big file that are read at once."""

SMALL = 1 << 18
"""Files up to this many bytes are read whole, ahead of time."""

GROUP = 64
"""Small files that one thread reads in one go."""

KEPT = 100_000
"""Files of a survey that are remembered; some tens of megabytes."""

SHOWN = 20
"""Names that are told of many that are refused or left out."""


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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in a folder that is not put, and why."""

    local: str
    reason: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What sources stand for. left_out: how much in folders is not put."""

    placed: Sequence[Placed]
    recursive: bool
    left_out: int
    _files: list[LocalFile] | None

    def files(self) -> Iterator[LocalFile]:
        """Yield the files; of very many they are looked up again, rather than kept."""
        return iter(self._files) if self._files is not None else list_files(self.placed, recursive=self.recursive)


def survey(placed: Sequence[Placed], *, recursive: bool, warn: Callable[[str], None]) -> Survey:
    """Look at the name of everything that sources stand for, before anything is sent.

    Raises CliError with every name that cannot be stored. What is left out is told through `warn`.
    """
    refused: list[str] = []
    left_out = 0
    files: list[LocalFile] | None = []
    for found in _everything(placed, recursive=recursive):
        if isinstance(found, LeftOut):
            left_out += 1
            if left_out <= SHOWN:
                warn(f"left out {found.local}: {found.reason}")
            continue
        try:
            paths.validate(found.path)
        except InvalidError as error:
            refused.append(str(error) if found.local == found.path else f"{excerpt(found.local, 300)}: {error}")
        if files is not None:
            files.append(found)
            files = files if len(files) <= KEPT else None
    if left_out > SHOWN:
        warn(f"left out {left_out - SHOWN:,} more")
    if refused:
        more = f"\nand {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
        what = "1 name" if len(refused) == 1 else f"{len(refused):,} names"
        raise CliError(f"{what} cannot be stored, and nothing was sent:\n" + "\n".join(refused[:SHOWN]) + more)
    return Survey(placed, recursive, left_out, files)


def list_files(placed: Iterable[Placed], *, recursive: bool) -> Iterator[LocalFile]:
    """Yield the local files that sources stand for, folders in the order of names; or raise CliError."""
    return (found for found in _everything(placed, recursive=recursive) if isinstance(found, LocalFile))


def _everything(placed: Iterable[Placed], *, recursive: bool) -> Iterator[LocalFile | LeftOut]:
    for each in placed:
        try:
            found = Path(each.source).stat()
        except (OSError, ValueError) as error:
            raise _unreadable(each.source, error) from error
        if not stat.S_ISDIR(found.st_mode):
            yield LocalFile(each.source, each.path, found.st_size)
        elif not recursive:
            raise CliError(f"{excerpt(each.source)} is a directory; use -r to put it with everything in it")
        else:
            yield from _walk(each.source, each.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder that is being walked: what is left in it, its path in the repo, and which folder it really is."""

    entries: Iterator[os.DirEntry[str]]
    path: str
    identity: tuple[int, int]


def _walk(folder: str, path: str) -> Iterator[LocalFile | LeftOut]:
    """Yield what is in a folder, links followed. There is no recursion, since folders may be nested thousands deep."""
    levels = [_level(folder, path)]
    while levels:
        level = levels[-1]
        entry = next(level.entries, None)
        if entry is None:
            levels.pop()
            continue
        below = f"{level.path}/{entry.name}"
        try:
            found = entry.stat()
        except OSError as error:
            if not entry.is_symlink():
                raise _unreadable(entry.path, error) from error
            yield LeftOut(entry.path, _why_broken(error))
            continue
        if stat.S_ISREG(found.st_mode):
            yield LocalFile(entry.path, below, found.st_size)
        elif not stat.S_ISDIR(found.st_mode):
            yield LeftOut(entry.path, _KINDS.get(stat.S_IFMT(found.st_mode), "it is neither a file nor a folder"))
        elif any(above.identity == (found.st_dev, found.st_ino) for above in levels):
            yield LeftOut(entry.path, "the link leads back to a folder that it is in")
        else:
            levels.append(_level(entry.path, below))


def _level(folder: str, path: str) -> _Level:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        found = Path(folder).stat()
    except OSError as error:
        raise _unreadable(folder, error) from error
    return _Level(iter(entries), path, (found.st_dev, found.st_ino))


def _unreadable(local: str, error: Exception) -> CliError:
    return CliError(f"cannot read {excerpt(local, 300)}: {getattr(error, 'strerror', None) or error}")


def _why_broken(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "the link leads to itself"
    if error.errno == errno.ENOENT:
        return "the link leads nowhere"
    return f"the link cannot be followed: {error.strerror}"


_KINDS = {
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


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
        raise _unreadable(file.local, error) from error


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
    except (OSError, ValueError, tarfile.TarError, zlib.error, EOFError) as error:
        if isinstance(error, UnicodeEncodeError):
            raise
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
