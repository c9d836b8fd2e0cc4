"""One record of a log: when, under which keys it is found, and its bytes.

    length u32 | CRC-32 u32 | time i64, ns | number of keys u8 | each key's hash u64 | data        (little-endian)

The length is that of all behind the CRC, which covers the same. Keys are kept as hashes: a reader that asks for a key
may be given a record of another one whose hash is equal, and looks at what the data say.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

HEADER = struct.Struct("<IIqB")
_SUMMED = struct.Struct("<qB")
_PREFIX = struct.Struct("<II")
_KEYS = [struct.Struct(f"<{number}Q") for number in range(9)]

MOST_KEYS = len(_KEYS) - 1


class Record(NamedTuple):
    """A record to be written. time: nanoseconds since the epoch. keys: what it is found by, MOST_KEYS at most."""

    time: int
    data: bytes
    keys: tuple[str, ...] = ()


class Frame(NamedTuple):
    """Where a record is in a piece of a segment. start, end: offsets. data: offset of its data; keys: hashes."""

    start: int
    end: int
    time: int
    keys: tuple[int, ...]
    data: int


@lru_cache(maxsize=4096)
def hash_of(key: str) -> int:
    """Return the hash that stands for a key."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")


def encode(record: Record) -> bytes:
    """Return a record as it is stored."""
    keys = tuple(map(hash_of, record.keys))
    body = _SUMMED.pack(record.time, len(keys)) + _KEYS[len(keys)].pack(*keys) + record.data
    return _PREFIX.pack(len(body), zlib.crc32(body)) + body


def frames(piece: bytes, *, verify: bool) -> Iterator[Frame]:
    """Yield the whole records at the beginning of a piece; ends before what is torn or garbled.

    Args:
        verify: Whether checksums are compared; without, a record is whole when its length is plausible.
    """
    start = 0
    while start + HEADER.size <= len(piece):
        length, checksum, time, number = HEADER.unpack_from(piece, start)
        begin, end = start + _PREFIX.size, start + _PREFIX.size + length
        data = start + HEADER.size + 8 * number
        if end > len(piece) or data > end or number > MOST_KEYS:
            return
        if verify and zlib.crc32(piece[begin:end]) != checksum:
            return
        yield Frame(start, end, time, _KEYS[number].unpack_from(piece, start + HEADER.size), data)
        start = end
