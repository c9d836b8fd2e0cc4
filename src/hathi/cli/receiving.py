"""Writing what a commit holds to local files.

The server's paths decide where bytes land on somebody's machine, so no path is trusted: each is taken apart, and one
that would leave the target folder is refused. Nor is what stands in that folder: links in it are never followed. A
large file is written beside its place and moved there when it is complete.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import IO, cast

from google.protobuf.wrappers_pb2 import BytesValue

from hathi.cli import sending
from hathi.cli.connection import Server
from hathi.cli.errors import CliError
from hathi.model.errors import HathiError
from hathi.wire.gen import hathi_pb2, pfs_pb2

BLOCK = 1 << 20
NAME_HEAD = 64
"""Characters of a file's name that its temporary name keeps; names may be as long as the file system takes."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Bytes of a file that came in; `first` opens the file, `last` completes it."""

    path: str
    data: bytes
    first: bool
    last: bool


def arrivals(server: Server, file: pfs_pb2.File) -> Iterator[Arrived]:
    """Ask for every file at or below a path, or that a pattern matches."""
    if server.is_hathi:
        request = hathi_pb2.GetRequest(commit=sending.commit_ref(file.commit), path=file.path, recursive=True)
        return from_hathi(server.files.Get(request))
    return from_tar(server.pfs.GetFileTAR(pfs_pb2.GetFileRequest(file=file)))


def from_hathi(answers: Iterable[hathi_pb2.GetResponse]) -> Iterator[Arrived]:
    """Return what `hathi_v1.Files.Get` answers."""
    open_path = ""
    for answer in answers:
        for piece in answer.pieces:
            yield Arrived(piece.path, piece.data, piece.path != open_path, piece.last)
            open_path = "" if piece.last else piece.path


def from_tar(answers: Iterable[BytesValue]) -> Iterator[Arrived]:
    """Return the files of the tar stream that the original's `GetFileTAR` answers."""
    stream = _Stream(iter(answers))
    try:
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                path, data, first = f"/{member.name.lstrip('/')}", content.read(BLOCK), True
                while first or data:
                    following = content.read(BLOCK) if data else b""
                    yield Arrived(path, data, first, not following)
                    data, first = following, False
    except tarfile.TarError as error:
        if stream.got:
            raise CliError(f"the server's answer is not a tar stream: {error}") from error


class _Stream(RawIOBase):
    """Messages read as one stream of bytes."""

    def __init__(self, answers: Iterator[BytesValue]) -> None:
        self._answers = answers
        self._left = b""
        self.got = 0

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        parts, wanted = [], size
        while size < 0 or wanted > 0:
            if not self._left:
                answer = next(self._answers, None)
                if answer is None:
                    break
                self._left = answer.value
                self.got += len(self._left)
                continue
            part = self._left if size < 0 else self._left[:wanted]
            self._left = self._left[len(part) :]
            wanted -= len(part)
            parts.append(part)
        return b"".join(parts)


def relative(path: str, base: str) -> str:
    """Return `path` below `base` ("" when they are the same), refusing whatever could leave a folder."""
    stem = base.rstrip("/")
    if path == (stem or "/"):
        return ""
    if not path.startswith(f"{stem}/"):
        raise CliError(f'the server sent "{path}", which is not below "{base}"; nothing of it was written')
    rest = path[len(stem) + 1 :]
    parts = rest.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in rest or (os.sep != "/" and os.sep in rest):
        raise CliError(f'the path "{path}" cannot be written to a folder here; nothing of it was written')
    return rest


def save(arrived: Iterable[Arrived], target: Path, base: str) -> Iterator[Arrived]:
    """Write files below `target` as they would stand below `base`, and pass on what was written.

    Nothing outside `target` is touched, whatever stands there already: a file, link or pipe in a file's place is
    replaced, and a link in a folder's place is refused.
    """
    writing: _Part | None = None
    with _Folders(target) as folders:
        try:
            for piece in arrived:
                if piece.first:
                    folder, name = folders.place(relative(piece.path, base))
                    if piece.last:
                        _write_whole(folder, name, piece.data)
                        yield piece
                        continue
                    writing = _Part(folder, name)
                assert writing is not None, "a file was continued before it was opened"
                writing.write(piece.data)
                if piece.last:
                    writing.complete()
                    writing = None
                yield piece
        except OSError as error:
            raise CliError(f"cannot write {folders.named(error.filename)}: {error.strerror}") from error
        finally:
            if writing is not None:
                writing.drop()


class _Folders:
    """The folders below one, each opened from the one above it, so that none can lead elsewhere.

    The last path is kept open: files come in order, and most are in the folder of the one before.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._top: Path | None = None
        self._handles: list[int] = []
        self._names: list[str] = []

    def __enter__(self) -> _Folders:
        return self

    def __exit__(self, *_: object) -> None:
        self._close(0)

    def place(self, path: str) -> tuple[int, str]:
        """Return the open folder, made where it is missing, that a file is in, and the file's name in it.

        path: relative; "" means the target itself, which is a file then.
        """
        if not path:
            self._open_top(self._target.parent)
            return self._handles[0], self._target.name
        *folders, name = path.split("/")
        self._open_top(self._target)
        common = 0
        while common < min(len(folders), len(self._names)) and folders[common] == self._names[common]:
            common += 1
        self._close(common + 1)
        for each in folders[common:]:
            self._handles.append(self._enter(each))
            self._names.append(each)
        return self._handles[-1], name

    def named(self, name: object) -> str:
        """Return the whole path of a name in the folder that is open."""
        return str(Path(self._top or self._target, *self._names, str(name))) if name else str(self._target)

    def _open_top(self, folder: Path) -> None:
        """Open the folder that the user named, which may well be a link."""
        if self._top != folder:
            self._close(0)
            folder.mkdir(parents=True, exist_ok=True)
            self._handles = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY)]
            self._top = folder

    def _enter(self, name: str) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        above = self._handles[-1]
        try:
            return os.open(name, flags, dir_fd=above)
        except FileNotFoundError:
            os.mkdir(name, dir_fd=above)
            return os.open(name, flags, dir_fd=above)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            is_link = stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
            what = "a link" if is_link else "no folder"
            raise CliError(
                f"cannot write below {self.named(name)}: it is {what}; remove it, or get into another folder"
            ) from error

    def _close(self, kept: int) -> None:
        for handle in self._handles[kept:]:
            os.close(handle)
        del self._handles[kept:]
        del self._names[max(kept - 1, 0) :]


class _Part:
    """A file that is being written beside its place, in an open folder."""

    def __init__(self, folder: int, name: str) -> None:
        self._folder = folder
        self._name = name
        self._part = f".{name[:NAME_HEAD]}.{os.getpid()}.part"
        with suppress(FileNotFoundError):
            os.unlink(self._part, dir_fd=folder)
        self._handle: int | None = os.open(self._part, _CREATE, 0o666, dir_fd=folder)

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        assert self._handle is not None, "the file was closed"
        _write_all(self._handle, data)

    def complete(self) -> None:
        """Put the file into its place, instead of whatever stands there but a folder."""
        self._close()
        os.rename(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def drop(self) -> None:
        """Leave nothing behind."""
        self._close()
        with suppress(FileNotFoundError):
            os.unlink(self._part, dir_fd=self._folder)

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def _write_whole(folder: int, name: str, data: bytes) -> None:
    """Write a file that came in one piece; with thousands of small ones, moving each would double the work."""
    try:
        handle = os.open(name, _CREATE, 0o666, dir_fd=folder)
    except FileExistsError:
        # Whatever it is, a second name of some other file included, it is not written through.
        os.unlink(name, dir_fd=folder)
        handle = os.open(name, _CREATE, 0o666, dir_fd=folder)
    try:
        _write_all(handle, data)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


@contextmanager
def one_file(target: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what writes one file; it takes its place when the block ends well.

    A pipe or a device, which the user named, is written to.
    """
    try:
        if target.is_dir():
            raise CliError(f"cannot write {target}: it is a folder; name a file, or use -r")
        if target.exists() and not target.is_file():
            with target.open("wb", buffering=0) as stream:
                yield partial(_write_all, stream.fileno())
            return
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            part = _Part(folder, target.name)
            try:
                yield part.write
                part.complete()
            finally:
                part.drop()
        finally:
            os.close(folder)
    except OSError as error:
        raise CliError(f"cannot write {target}: {error.strerror}") from error


def is_ambiguous(error: HathiError) -> bool:
    """Return whether an error says that a path is not exactly one file; clients know it by its words."""
    text = str(error).lower()
    return "getfiletar" in text or "tar" in text.split() or "multiple files" in text or "directory" in text
