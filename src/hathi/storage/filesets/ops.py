"""What a run says about one path, and how two such sayings become one.

The rule that everything rests on: combining is associative, so changes may be gathered, spilled, merged in the
background and folded into a tree in any grouping, as long as their order stays. To keep it so, an operation also
remembers under which labels its path was put since it was last deleted; whether two labels are an error is asked at the
very end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from hathi.storage.chunks.content import encoded_size
from hathi.storage.filesets.node import CorruptNode, Schema


class Kind(IntEnum):
    """What becomes of what was at the path before. The numbers are part of the format."""

    DELETE = 0
    """It is gone, and nothing is put."""
    APPEND = 1
    """It stays, if there is any, and the parts come behind it."""
    REPLACE = 2
    """The parts take its place."""
    RENEW = 3
    """It was deleted before the parts were put: as REPLACE, but whose it was no longer matters."""


class Op(NamedTuple):
    """An operation on one path.

    parts: encoded `Content`s, none of them of an empty file; no parts at all make an empty file (or nothing, by
    DELETE). labels: the first two different labels under which the path was put; one when there was only one, none by
    DELETE.
    """

    kind: Kind
    parts: tuple[bytes, ...] = ()
    labels: tuple[str, ...] = ()


_KINDS = tuple(Kind)
_HEAD = Struct("<BQB")  # kind, sum of the parts' sizes, labels
_LABEL = Struct("<H")
_PART = Struct("<I")
_SIZE = slice(1, 9)  # where that sum stands
_RANGE = b"\0"  # deleted ranges stand before all paths, which begin with a slash
OPS_START = b"\1"
"""Where in a run's tree the operations begin."""


class RunSchema(Schema):
    """The tree of a run: deleted ranges first (key: zero byte and start, value: stop), then path to encoded operation.

    Measures are: count of operations, sum of the sizes that they put, in bytes.
    """

    name = "run"
    width = 2

    def measure(self, key: bytes, value: bytes) -> tuple[int, int]:
        """Return (1, size put) for an operation, (0, 0) for a deleted range."""
        return (0, 0) if key < OPS_START else (1, _put_size(value))

    def total(self, keys: Sequence[bytes], values: Sequence[bytes]) -> tuple[int, int]:
        """Return the sums; deleted ranges come first."""
        ranges = bisect_left(keys, OPS_START)
        return len(keys) - ranges, sum(map(_put_size, values[ranges:]))


RUN = RunSchema()


def combine(ops: Sequence[Op]) -> Op:
    """Return the one operation that does what several, at least one, do in order."""
    if len(ops) == 1:
        return ops[0]
    kind, parts, labels = ops[0].kind, list(ops[0].parts), ops[0].labels
    for op in ops[1:]:
        if op.kind in (Kind.DELETE, Kind.RENEW) or kind is Kind.DELETE:
            kind = Kind.DELETE if op.kind is Kind.DELETE else Kind.RENEW
            parts, labels = list(op.parts), op.labels
            continue
        if op.kind is Kind.REPLACE:
            kind = kind if kind is Kind.RENEW else Kind.REPLACE
            parts.clear()
        parts += op.parts
        labels = tuple(dict.fromkeys(labels + op.labels))[:2]
    return Op(kind, tuple(parts), labels)


def encode_op(op: Op) -> bytes:
    """Return the value that stands for an operation in a run's tree."""
    size = sum(map(encoded_size, op.parts))
    pieces = [_HEAD.pack(op.kind, size, len(op.labels)), *map(_label, op.labels)]
    for part in op.parts:
        pieces += (_PART.pack(len(part)), part)
    return b"".join(pieces)


def _put_size(value: bytes) -> int:
    return int.from_bytes(value[_SIZE], "little")


def encode_put(kind: Kind, part: bytes, label: str) -> bytes:
    """Return what `encode_op` does of an operation that puts one part under one label, at less expense."""
    return b"".join((_HEAD.pack(kind, encoded_size(part), 1), _label(label), _PART.pack(len(part)), part))


@lru_cache(maxsize=1024)
def _label(label: str) -> bytes:
    text = label.encode()
    return _LABEL.pack(len(text)) + text


def decode_op(value: bytes) -> Op:
    """Return the operation that `encode_op` gave `value` for."""
    kind, _, count = _HEAD.unpack_from(value)
    at = _HEAD.size
    labels: list[str] = []
    for _ in range(count):
        start = at + _LABEL.size
        at = start + _LABEL.unpack_from(value, at)[0]
        labels.append(value[start:at].decode())
    return Op(_KINDS[kind], _parts(value, at), tuple(labels))


def parts_of(value: bytes) -> tuple[bytes, ...]:
    """Return the parts of an encoded operation."""
    at = _HEAD.size
    for _ in range(value[at - 1]):
        at += _LABEL.size + _LABEL.unpack_from(value, at)[0]
    return _parts(value, at)


def _parts(value: bytes, at: int) -> tuple[bytes, ...]:
    parts: list[bytes] = []
    while at < len(value):
        start = at + _PART.size
        at = start + _PART.unpack_from(value, at)[0]
        parts.append(value[start:at])
    if at != len(value):
        raise CorruptNode("an operation that ends too early")
    return tuple(parts)


def combine_encoded(values: Sequence[bytes]) -> bytes:
    """Return the encoded form of what several encoded operations, at least one, do in order."""
    return values[0] if len(values) == 1 else encode_op(combine([decode_op(value) for value in values]))


def kind_of(value: bytes) -> Kind:
    """Return the kind of an encoded operation."""
    return _KINDS[value[0]]


def clash(value: bytes) -> tuple[str, str] | None:
    """Return the two labels under which the path of an encoded operation was put, None when there was but one."""
    if value[_HEAD.size - 1] < 2:
        return None
    first, second = decode_op(value).labels
    return first, second


DELETION = encode_op(Op(Kind.DELETE))
"""The encoded operation that deletes a path."""

Range = tuple[bytes, bytes]
"""A range of keys, from the first (included) to the second (excluded)."""


def encode_range(range_: Range) -> tuple[bytes, bytes]:
    """Return the entry that stands for a deleted range in a run's tree."""
    return _RANGE + range_[0], range_[1]


def decode_range(key: bytes, value: bytes) -> Range:
    """Return the range that `encode_range` gave an entry for."""
    return key[len(_RANGE) :], value


def union(ranges: Iterable[Range]) -> Iterable[Range]:
    """Yield ranges that cover what the given ones do, which ascend by start; what is yielded neither overlaps nor
    touches.
    """
    start: bytes | None = None
    stop = b""
    for first, last in ranges:
        if start is not None and first <= stop:
            stop = max(stop, last)
            continue
        if start is not None:
            yield start, stop
        start, stop = first, last
    if start is not None:
        yield start, stop
