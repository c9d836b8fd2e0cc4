"""What a run says about one path, and how two such sayings become one.

The rule that everything rests on: combining is associative, so changes may be gathered, spilled, merged in the
background and folded into a tree in any grouping, as long as their order stays. To keep it so, an operation also
remembers under which labels its path was put since it was last deleted; whether two labels are an error is asked at the
very end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

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


DELETION = Op(Kind.DELETE)

_HEAD = Struct("<BQB")  # kind, sum of the parts' sizes, labels
_LABEL = Struct("<H")
_PART = Struct("<I")
_SIZE = slice(1, 9)  # where an encoded op keeps that sum, and an encoded Content its size
_RANGE = b"\0"  # deleted ranges stand before all paths, which begin with a slash


class RunSchema(Schema):
    """The tree of a run: deleted ranges first (key: zero byte and start, value: stop), then path to encoded operation.

    Measures are: count of operations, sum of the sizes that they put, in bytes.
    """

    name = "run"
    width = 2

    def measure(self, key: bytes, value: bytes) -> tuple[int, int]:
        """Return (1, size put) for an operation, (0, 0) for a deleted range."""
        return (0, 0) if key.startswith(_RANGE) else (1, int.from_bytes(value[_SIZE], "little"))


RUN = RunSchema()
OPS_START = b"\1"
"""Where in a run's tree the operations begin."""


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
    size = sum(int.from_bytes(part[_SIZE], "little") for part in op.parts)
    pieces = [_HEAD.pack(op.kind, size, len(op.labels))]
    for label in op.labels:
        text = label.encode()
        pieces += (_LABEL.pack(len(text)), text)
    for part in op.parts:
        pieces += (_PART.pack(len(part)), part)
    return b"".join(pieces)


def decode_op(value: bytes) -> Op:
    """Return the operation that `encode_op` gave `value` for."""
    kind, _, count = _HEAD.unpack_from(value)
    at = _HEAD.size
    labels: list[str] = []
    for _ in range(count):
        start = at + _LABEL.size
        at = start + _LABEL.unpack_from(value, at)[0]
        labels.append(value[start:at].decode())
    parts: list[bytes] = []
    while at < len(value):
        start = at + _PART.size
        at = start + _PART.unpack_from(value, at)[0]
        parts.append(value[start:at])
    if at != len(value):
        raise CorruptNode("an operation that ends too early")
    return Op(Kind(kind), tuple(parts), tuple(labels))


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
