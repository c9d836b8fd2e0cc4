"""Objects: named, immutable blobs at rest, the lowest layer of storage.

The problem: folders, object stores and fakes all keep bytes under names, but differ in what survives a crash, in what
an error means and in what a name may be. The rule: one small protocol, whose promises every implementation and every
wrapper keeps, proven by one contract suite (`tests/contracts`).

Keys are "/"-separated segments of `[a-z0-9._-]`, none of them "." or ".."; every implementation passes what it is
given through `checked` first. No key may be a folder of another (`a` beside `a/b`), because a file system cannot hold
both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from hathi.model.errors import ExistsError, InternalError, UnavailableError

_SEGMENT = r"(?!\.{1,2}(?:/|$))[a-z0-9._-]{1,200}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_KEY_LIMIT = 900  # bytes; S3 allows 1,024, and a prefix may come before ours


class ObjectMissing(InternalError):
    """No object has this key, although somebody expected it: what names an object must go before the object does."""

    def __init__(self, key: str) -> None:
        super().__init__(f"object {key} is missing")
        self.key = key


class StorageUnavailable(UnavailableError):
    """The store did not answer or answered that it cannot now; the same call may succeed later."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"object store cannot serve {key or 'a listing'} now: {reason}")
        self.key = key
        self.reason = reason


class StorageRefused(InternalError):
    """The store will not do this however often it is asked: no permission, no space, a read-only disk."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"object store refused {key or 'a listing'}: {reason}")
        self.key = key
        self.reason = reason


class ObjectExists(ExistsError):
    """An object has this key and other bytes; what is stored is never overwritten."""

    def __init__(self, key: str) -> None:
        super().__init__(f"object {key} exists with other bytes; objects are never overwritten")
        self.key = key


class ObjectStore(Protocol):
    """Every method is safe to call from any thread.

    Errors: `StorageUnavailable`, `StorageRefused`, `ObjectMissing`, `ObjectExists`.
    """

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """Store an object; it is durable when this returns, and either all of it is visible or none.

        A key that exists with equal bytes is stored already: a put may be repeated. With other bytes it is refused as
        `ObjectExists`. An iterable is read once per attempt; one that raises leaves nothing behind.
        Returns the object's size in bytes.
        """
        ...

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `offset` (to the end when None); fewer, or none, where the object ends before."""
        ...

    def size(self, key: str) -> int:
        """Return the object's size in bytes."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is nothing to remove."""
        ...

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that begin with `prefix` (any text, not only whole segments), sorted."""
        ...

    def location(self) -> str:
        """Return the absolute folder in which key is path, when another process here could read it; else ""."""
        ...


def checked(key: str) -> str:
    """Return `key` if it is well-formed; anything else is a mistake of ours, never a person's."""
    if len(key) > _KEY_LIMIT or not _KEY.fullmatch(key):
        raise InternalError(f"malformed object key {key!r}")
    return key


def same_bytes(data: Iterable[bytes], stored: Callable[[int, int], bytes], size: int) -> bool:
    """Return whether `data` is what an object of `size` bytes holds. stored: its bytes from an offset, so many."""
    offset = 0
    for block in data:
        if stored(offset, len(block)) != block:
            return False
        offset += len(block)
    return offset == size


def blocks(data: Iterable[bytes] | bytes) -> Iterable[bytes]:
    """Return the parts of what `put` was given, whichever form it came in."""
    return (data,) if isinstance(data, bytes) else data
