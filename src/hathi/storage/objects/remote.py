"""Objects in S3, Google Cloud Storage or Azure, through obstore.

The problem: each service has its own errors, its own idea of a range and of a listing. The rule: obstore speaks to
them, and this module says their answers in the words of the interface. obstore repeats a failed request a few times by
itself; `retrying` around this store is for failures that outlast that.

obstore is an optional dependency (`pip install 'hathi[remote]'`), so it is imported when a remote store is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from types import ModuleType
from typing import Any

from hathi.model.errors import InvalidError, PreconditionError
from hathi.storage.objects.interface import (
    ObjectExists,
    ObjectMissing,
    StorageRefused,
    StorageUnavailable,
    blocks,
    checked,
    same_bytes,
)

_ONE_REQUEST_BYTES = 8 << 20  # what is not longer is sent in one request; longer objects go in parts
_HOPELESS = (
    "PermissionDeniedError",
    "UnauthenticatedError",
    "InvalidPathError",
    "NotSupportedError",
    "UnknownConfigurationKeyError",
)


class RemoteStore:
    """An object store behind a URL: `s3://bucket/prefix`, `gs://…`, `az://…`, or `memory:///` for tests."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """options: obstore's configuration of that kind of store, such as `{"endpoint": "http://…"}`."""
        self._url = url
        self._api = _obstore()
        try:
            self._store = self._api.store.from_url(url, **(options or {}))
        except (self._api.exceptions.BaseError, ValueError, TypeError) as error:
            raise InvalidError(f"cannot open object store {url}: {error}") from error
        self._errors = self._api.exceptions
        self._hopeless = tuple(getattr(self._errors, name) for name in _HOPELESS)

    def __repr__(self) -> str:
        return f"RemoteStore({self._url!r})"

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """See `ObjectStore`."""
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for block in blocks(data):
                size += len(block)
                yield block

        parts = counted()
        head: list[bytes] = []
        for part in parts:
            head.append(part)
            if size > _ONE_REQUEST_BYTES:
                break
        if size <= _ONE_REQUEST_BYTES:
            self._put_whole(checked(key), b"".join(head))
        else:
            self._put_parts(checked(key), chain(head, parts))
        return size

    def _put_whole(self, key: str, data: bytes) -> None:
        """Store an object in one request, which the service refuses when the key is taken."""
        with self._translated(key):
            try:
                self._api.put(self._store, key, data, mode="create")
                return
            except self._errors.AlreadyExistsError:
                pass
        self._compare(key, (data,))

    def _put_parts(self, key: str, data: Iterable[bytes]) -> None:
        """Store a large object in parts. Services cannot refuse these by key, so we look before: of two writers of one
        key at the same moment, the later one wins. Keys of large objects are random, so nobody gets there by chance.
        """
        try:
            self.size(key)
        except ObjectMissing:
            with self._translated(key):
                self._api.put(self._store, key, data)
        else:
            self._compare(key, data)

    def _compare(self, key: str, data: Iterable[bytes]) -> None:
        if not same_bytes(data, lambda offset, length: self.get(key, offset, length), self.size(key)):
            raise ObjectExists(key)

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore`. A range that the object does not fill costs a second request, to learn its size."""
        with self._translated(checked(key)):
            if length is None and offset == 0:
                return bytes(self._api.get(self._store, key).bytes())
            if length is not None and length > 0:
                try:
                    return bytes(self._api.get_range(self._store, key, start=offset, length=length))
                except self._errors.BaseError as error:
                    if isinstance(error, (FileNotFoundError, *self._hopeless)):
                        raise
            size = self.size(key)
            wanted = size - offset if length is None else min(length, size - offset)
            if wanted <= 0:
                return b""
            return bytes(self._api.get_range(self._store, key, start=offset, length=wanted))

    def size(self, key: str) -> int:
        """See `ObjectStore`."""
        with self._translated(checked(key)):
            return int(self._api.head(self._store, key)["size"])

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        try:
            with self._translated(checked(key)):
                self._api.delete(self._store, key)
        except ObjectMissing:
            pass

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore`. Services list by whole segments, in orders of their own."""
        folder = prefix.rpartition("/")[0]
        with self._translated(""):
            found = [item["path"] for page in self._api.list(self._store, folder or None) for item in page]
        return iter(sorted(key for key in found if key.startswith(prefix)))

    def location(self) -> str:
        """See `ObjectStore`."""
        return ""

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        except self._hopeless as error:
            raise StorageRefused(key, _first_line(error)) from error
        except (self._errors.BaseError, OSError) as error:
            raise StorageUnavailable(key, _first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _obstore() -> ModuleType:
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError as error:
        raise PreconditionError("remote object stores need obstore: pip install 'hathi[remote]'") from error
    module: ModuleType = obstore
    return module
