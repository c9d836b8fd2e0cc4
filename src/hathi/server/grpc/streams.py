"""File bytes on the wire: messages of about a mebibyte, encoded without a message object each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PIECE = 1 << 20
"""A message is sent once it holds so many bytes."""


def gather(parts: Iterable[bytes], size: int = PIECE) -> Iterator[list[bytes]]:
    """Yield the parts in groups of at least `size` bytes each, except the last; empty parts vanish."""
    group: list[bytes] = []
    held = 0
    for part in parts:
        if part:
            group.append(part)
            held += len(part)
        if held >= size:
            yield group
            group, held = [], 0
    if group:
        yield group


def bytes_values(parts: Iterable[bytes], size: int = PIECE) -> Iterator[bytes]:
    """Yield encoded `google.protobuf.BytesValue` messages that together hold the parts: field 1, length, bytes."""
    for group in gather(parts, size):
        yield b"".join((b"\x0a", _varint(sum(map(len, group))), *group))


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
