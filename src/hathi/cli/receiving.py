"""Writing what a commit holds to local files.

The server's paths decide where bytes land on somebody's machine, so no path is trusted: each is taken apart, and one
that would leave the target folder is refused. A file is written beside its place and moved there when it is complete.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    """Write files below `target` as they would stand below `base`, and pass on what was written."""
    root = str(target)  # plain text below: a `Path` for each of ten thousand files costs more than writing them
    made: set[str] = set()
    writing: _Part | None = None
    try:
        for piece in arrived:
            if piece.first:
                rest = relative(piece.path, base)
                place = f"{root}/{rest}" if rest else root
                if (folder := place.rpartition("/")[0]) not in made:
                    Path(place).parent.mkdir(parents=True, exist_ok=True)
                    made.add(folder)
                if piece.last:
                    _write_whole(place, piece.data)
                    yield piece
                    continue
                writing = _Part(Path(place))
            assert writing is not None, "a file was continued before it was opened"
            writing.write(piece.data)
            if piece.last:
                writing.complete()
                writing = None
            yield piece
    except OSError as error:
        raise CliError(f"cannot write {error.filename or target}: {error.strerror}") from error
    finally:
        if writing is not None:
            writing.drop()


class _Part:
    """A file that is being written beside its place."""

    def __init__(self, place: Path) -> None:
        if place.is_dir():
            raise CliError(f"cannot write {place}: it is a folder; name a file, or use -r")
        self._place = place
        self._part = place.with_name(f".{place.name[:NAME_HEAD]}.{os.getpid()}.part")
        self._stream = self._part.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        view = memoryview(data)
        while view:
            view = view[self._stream.write(view) :]

    def complete(self) -> None:
        """Put the file into its place."""
        self._stream.close()
        self._part.replace(self._place)

    def drop(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self._part.unlink(missing_ok=True)


def _write_whole(place: str, data: bytes) -> None:
    """Write a file that came in one piece; with thousands of small ones, moving each would double the work."""
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)


@contextmanager
def one_file(target: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what writes one file; it takes its place when the block ends well."""
    try:
        part = _Part(target)
        try:
            yield part.write
            part.complete()
        finally:
            part.drop()
    except OSError as error:
        raise CliError(f"cannot write {target}: {error.strerror}") from error


def is_ambiguous(error: HathiError) -> bool:
    """Return whether an error says that a path is not exactly one file; clients know it by its words."""
    text = str(error).lower()
    return "getfiletar" in text or "tar" in text.split() or "multiple files" in text or "directory" in text
