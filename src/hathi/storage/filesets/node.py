"""One node of a tree: what it holds, how it is written down, and which keys begin a new one.

A file set of millions of entries changes a few entries at a time, and its versions must share the rest. So entries are
cut into nodes by content: a key of height h begins a new node on the levels below h, and its height follows from the
key's own bytes alone. Neither neighbours nor history have a say, hence equal entries give equal nodes, and the tree of
any key range follows from the whole tree by rebuilding its two edges.

A node is decoded whole and once, column by column, because in Python a thousand small steps cost more than a large one.
The format is described in `docs/formats.md`; changing anything here changes every root.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from struct import Struct, pack, unpack_from
from struct import error as StructError
from zlib import crc32

from blake3 import blake3

from hathi.model.errors import InternalError

EMPTY_ROOT = blake3(b"hathi: a tree without entries").digest()
"""The root of every tree without entries; there is no such node, and it is never stored."""

ID_BYTES = 32

_SPREAD = 0x9E3779B1  # 2^32 / golden ratio, odd: carries every bit of the CRC up into the highest ones
_BORDER = 1 << 24  # one key in 256 begins a node
_MAGIC = b"hn"
_VERSION = 1
_HEAD = Struct("<2sBBBBI")  # magic, version, level, width of measures, length of the schema's name, entries


class CorruptNode(InternalError):
    """Bytes that should be a tree node are not one, or belong to a tree of another kind."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"corrupt tree node: {reason}")
        self.reason = reason


class Schema:
    """What the entries of one kind of tree mean: its name, and the measures that interior nodes sum up.

    Subclasses set `name` (stands in every node, at most 255 bytes of ASCII) and `width` (how many measures), and define
    `measure`. A measure is an integer from 0 to 2^64 - 1, and so must be its sum over a whole tree.
    """

    name: str = ""
    width: int = 0

    def measure(self, key: bytes, value: bytes) -> tuple[int, ...]:
        """Return the `width` measures of one entry."""
        return ()

    def total(self, keys: Sequence[bytes], values: Sequence[bytes]) -> tuple[int, ...]:
        """Return the sums of the measures of these entries. Right everywhere; override it where it can be faster."""
        if not keys or not self.width:
            return (0,) * self.width
        return tuple(map(sum, zip(*map(self.measure, keys, values), strict=True)))


class Node:
    """A decoded node. Readers must not change its lists: they are shared.

    level: 0 for a leaf, else one more than its children's.
    keys: the entries' keys, or the first keys of the children; ascending.
    values: the entries' values, or the children's ids.
    measures: one list of sums for each measure, with one element for each child; none in a leaf.
    """

    __slots__ = ("keys", "level", "measures", "values")

    def __init__(self, level: int, keys: list[bytes], values: list[bytes], measures: tuple[list[int], ...]) -> None:
        self.level = level
        self.keys = keys
        self.values = values
        self.measures = measures

    def __repr__(self) -> str:
        return f"Node(level={self.level}, entries={len(self.keys)}, first={self.keys[:1]})"

    def total(self, schema: Schema, start: int = 0, stop: int | None = None) -> tuple[int, ...]:
        """Return the sums of the measures of the entries at `start:stop`."""
        if self.level:
            return tuple([sum(column[start:stop]) for column in self.measures])
        return schema.total(self.keys[start:stop], self.values[start:stop])


def height(key: bytes) -> int:
    """Return on how many levels, from the leaves upwards, `key` begins a new node: 0 for 255 keys of 256."""
    spread = crc32(key) * _SPREAD & 0xFFFFFFFF
    return 0 if spread >= _BORDER else 4 - (spread.bit_length() + 7) // 8


def encode(schema: Schema, node: Node) -> bytes:
    """Return the bytes of a node; equal nodes, equal bytes."""
    count = len(node.keys)
    name = schema.name.encode("ascii")
    head = _HEAD.pack(_MAGIC, _VERSION, node.level, schema.width, len(name), count)
    if node.level:
        columns = [pack(f"<{count}Q", *column) for column in node.measures]
    else:
        columns = [pack(f"<{count}I", *map(len, node.values))]
    return b"".join((head, name, pack(f"<{count}I", *map(len, node.keys)), *columns, *node.keys, *node.values))


def schema_name(data: bytes) -> str:
    """Return the name of the schema of the tree that a node belongs to, or raise CorruptNode."""
    try:
        magic, version, _, _, name_bytes, _ = _HEAD.unpack_from(data)
    except StructError as error:
        raise CorruptNode(str(error)) from error
    if magic != _MAGIC or version != _VERSION:
        raise CorruptNode("it does not begin like one")
    return data[_HEAD.size : _HEAD.size + name_bytes].decode("ascii", errors="replace")


def decode(schema: Schema, data: bytes) -> Node:
    """Return the node that `data` stands for, or raise CorruptNode."""
    try:
        magic, version, level, width, name_bytes, count = _HEAD.unpack_from(data)
        at = _HEAD.size + name_bytes
        if magic != _MAGIC or version != _VERSION:
            raise CorruptNode("it does not begin like one")
        if width != schema.width or data[_HEAD.size : at] != schema.name.encode("ascii"):
            raise CorruptNode(f"it is not of a tree of {schema.name}")
        key_lengths = unpack_from(f"<{count}I", data, at)
        at += 4 * count
        if level:
            measures = tuple(
                [list(unpack_from(f"<{count}Q", data, at + 8 * count * column)) for column in range(width)]
            )
            at += 8 * count * width
            keys, at = _cut(data, key_lengths, at)
            end = at + ID_BYTES * count
            values = [data[place : place + ID_BYTES] for place in range(at, end, ID_BYTES)]
        else:
            measures = ()
            value_lengths = unpack_from(f"<{count}I", data, at)
            keys, at = _cut(data, key_lengths, at + 4 * count)
            values, end = _cut(data, value_lengths, at)
    except StructError as error:
        raise CorruptNode(str(error)) from error
    if end != len(data) or not count:
        raise CorruptNode(f"{len(data)} bytes where {end} should be")
    return Node(level, keys, values, measures)


def _cut(data: bytes, lengths: tuple[int, ...], at: int) -> tuple[list[bytes], int]:
    """Return the pieces of these lengths that stand one after the other in `data` from `at` on, and where they end."""
    borders = list(accumulate(lengths, initial=at))
    return [data[start:stop] for start, stop in pairwise(borders)], borders[-1]
