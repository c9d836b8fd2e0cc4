"""Objects as files in a folder, durable when `put` returns.

The problem: a file system keeps neither a file's bytes nor its name over a power cut unless asked for each. The rule:
an object is written to a temporary file of the same file system, synced, linked to its key and the folder synced; a
folder made on the way is synced into its parent first. So an object is there whole or not at all, and once `put` has
returned it is there. A link, unlike a renaming, never replaces what is there.

A writer that dies leaves its temporary file. It held a lock on it, which died too; whoever opens the store next
removes what nobody has locked. Several processes may have the same folder open.
"""

from __future__ import annotations

import errno
import fcntl
import filecmp
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from hathi.storage.objects.interface import (
    ObjectExists,
    ObjectMissing,
    StorageRefused,
    StorageUnavailable,
    blocks,
    checked,
)

_TEMPORARY = ".temporary"  # folder beside the objects; the only name in the root that is not a key's
_BUFFER = 1 << 20  # bytes gathered before they are written: a pack of small chunks is thousands of parts

_HOPELESS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}  # file systems that have no second name for a file
_HOPELESS |= {errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ELOOP}


class LocalStore:
    """An object store in a folder: key is path."""

    def __init__(self, root: Path) -> None:
        """root: made if it is not there."""
        self._root = root.absolute()
        self._temporary = self._root / _TEMPORARY
        self._kept: set[Path] = set()  # folders that outlive a power cut for certain
        with _translated(""):
            self._keep_folder(self._temporary)
            for litter in self._temporary.iterdir():
                _remove_if_abandoned(litter)

    def __repr__(self) -> str:
        return f"LocalStore({str(self._root)!r})"

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """See `ObjectStore`."""
        target = self._path(key)
        with _translated(key):
            temporary, file = self._open_temporary()
            try:
                with file:
                    size = sum(file.write(block) for block in blocks(data))
                    file.flush()
                    os.fsync(file.fileno())
                    self._keep_folder(target.parent)
                    _name(temporary, target, key)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(target.parent)
        return size

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore`."""
        with _translated(key):
            descriptor = os.open(f"{self._root}/{checked(key)}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                wanted = max(0, os.fstat(descriptor).st_size - offset)
                if length is not None and length < wanted:
                    wanted = length
                return _read(descriptor, offset, wanted)
            finally:
                os.close(descriptor)

    def size(self, key: str) -> int:
        """See `ObjectStore`."""
        with _translated(key):
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        """See `ObjectStore`. Not synced: what comes back after a power cut is garbage, and found again as such."""
        with _translated(key):
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore`."""
        folder, _, _ = prefix.rpartition("/")
        yield from (key for key in self._walk(checked(folder) + "/" if folder else "") if key.startswith(prefix))

    def location(self) -> str:
        """See `ObjectStore`."""
        return str(self._root)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _keep_folder(self, path: Path) -> None:
        """Make a folder if need be, and make sure once that it outlives a power cut, whoever made it."""
        if path in self._kept or path == path.parent:
            return
        if not path.is_dir():
            self._keep_folder(path.parent)
            with suppress(FileExistsError):
                path.mkdir()
        _sync_folder(path.parent)
        self._kept.add(path)

    def _open_temporary(self) -> tuple[Path, BinaryIO]:
        while True:
            path = self._temporary / uuid4().hex
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            file = os.fdopen(descriptor, "wb", buffering=_BUFFER)
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return path, file
            file.close()  # somebody opened the store between our two steps and took it for litter

    def _walk(self, folder: str) -> Iterator[str]:
        """Yield the keys below `folder` ("" or ending in "/") in order: a folder's keys sort as if it ended in "/"."""
        with _translated(""):
            try:
                entries = [(entry.name, entry.is_dir()) for entry in os.scandir(self._root / folder)]
            except (FileNotFoundError, NotADirectoryError):
                return
        for name in sorted(f"{name}/" if is_folder else name for name, is_folder in entries if name != _TEMPORARY):
            if name.endswith("/"):
                yield from self._walk(folder + name)
            else:
                yield folder + name


def _read(descriptor: int, offset: int, length: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    while 0 < len(data) < length:  # the kernel hands over at most 2 GiB at once
        more = os.pread(descriptor, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _name(temporary: Path, target: Path, key: str) -> None:
    """Give a file its name unless another has it; ObjectExists when that one has other bytes."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        if not filecmp.cmp(temporary, target, shallow=False):
            raise ObjectExists(key) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            if not filecmp.cmp(temporary, target, shallow=False):
                raise ObjectExists(key) from None
            return
        temporary.replace(target)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_if_abandoned(path: Path) -> None:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (FileNotFoundError, BlockingIOError):
        pass  # finished just now, or being written by another process


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Raise what the file system says in the words of the interface."""
    try:
        yield
    except FileNotFoundError as error:
        if not key:
            raise StorageUnavailable(key, str(error)) from error
        raise ObjectMissing(key) from error
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _HOPELESS:
            raise StorageRefused(key, reason) from error
        raise StorageUnavailable(key, reason) from error
