"""A store that fails when told to: faults as values.

For tests and drills. Each `Fault` names a method, which of its calls fail, at what moment, and with what error; the
plan is a list one can print. What is planned and did not happen is left in `pending`, so that a test can demand that
it did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from hathi.storage.objects.interface import ObjectStore, StorageUnavailable, blocks

Result = TypeVar("Result")


class Moment(Enum):
    """When a call fails: before it began; with half of a put's blocks sent; done, but with the answer lost."""

    BEFORE = "before"
    MIDWAY = "midway"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Fault:
    """Fail calls of `method` whose key begins with `prefix`: after `skip` such calls, the next `times`.

    error: what is raised. meanwhile: called when the fault strikes, to let something else happen at this very moment.
    """

    method: str
    moment: Moment = Moment.BEFORE
    error: Exception | None = None
    prefix: str = ""
    skip: int = 0
    times: int = 1
    meanwhile: Callable[[], None] = lambda: None

    def strike(self, key: str) -> None:
        """Raise the error."""
        self.meanwhile()
        raise self.error or StorageUnavailable(key, f"planned fault {self.moment.value} {self.method}")


class FaultyStore:
    """An object store that follows a plan of faults, and is as good as the one it wraps otherwise."""

    def __init__(self, inner: ObjectStore, plan: Iterable[Fault] = ()) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.pending = list(plan)

    def __repr__(self) -> str:
        return f"FaultyStore({self._inner!r}, {self.pending})"

    def put(self, key: str, data: Iterable[bytes] | bytes) -> int:
        """See `ObjectStore`."""
        fault = self._due("put", key)
        if fault is not None and fault.moment is Moment.MIDWAY:
            return self._inner.put(key, _half(data, fault, key))
        return self._fail(fault, key, lambda: self._inner.put(key, data))

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore`."""
        return self._fail(self._due("get", key), key, lambda: self._inner.get(key, offset, length))

    def size(self, key: str) -> int:
        """See `ObjectStore`."""
        return self._fail(self._due("size", key), key, lambda: self._inner.size(key))

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        self._fail(self._due("delete", key), key, lambda: self._inner.delete(key))

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore`."""
        return self._fail(self._due("list", prefix), prefix, lambda: self._inner.list(prefix))

    def location(self) -> str:
        """See `ObjectStore`. None is given, so that every read passes here."""
        return ""

    def _due(self, method: str, key: str) -> Fault | None:
        with self._lock:
            for place, fault in enumerate(self.pending):
                if fault.method != method or not key.startswith(fault.prefix):
                    continue
                if fault.skip:
                    self.pending[place] = replace(fault, skip=fault.skip - 1)
                    return None
                if fault.times > 1:
                    self.pending[place] = replace(fault, times=fault.times - 1)
                else:
                    del self.pending[place]
                return fault
        return None

    def _fail(self, fault: Fault | None, key: str, call: Callable[[], Result]) -> Result:
        if fault is None:
            return call()
        if fault.moment is Moment.AFTER:
            call()
        fault.strike(key)
        raise AssertionError("a fault always raises")


def _half(data: Iterable[bytes] | bytes, fault: Fault, key: str) -> Iterator[bytes]:
    whole = b"".join(blocks(data))
    yield whole[: len(whole) // 2]
    fault.strike(key)
