"""Split a stream into messages that are bounded in bytes as well as in number.

gRPC refuses a message above its limit, and a count alone does not bound one: ten inputs with long paths are as large as
a thousand with short ones. Whatever builds messages from lists splits them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

MESSAGE_BYTES = 1 << 20
"""Bytes of items in one message: large enough to make calls cheap, far below what gRPC takes (20 MiB)."""


def batches(
    items: Iterable[T], size_of: Callable[[T], int], limit_bytes: int = MESSAGE_BYTES, limit_count: int = 10_000
) -> Iterator[list[T]]:
    """Split `items`, in order, into lists within both limits; nothing is read ahead beyond one item.

    Args:
        items: what is split; an empty stream gives no list.
        size_of: bytes that an item takes in a message.
        limit_bytes: sum of sizes in a list. An item that is larger by itself is in a list of its own, so whoever has
            a hard limit checks the single item where it enters.
        limit_count: items in a list.

    Yields:
        Lists that are not empty and whose concatenation is `items`.
    """
    batch: list[T] = []
    held = 0
    for item in items:
        size = size_of(item)
        if batch and (held + size > limit_bytes or len(batch) >= limit_count):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += size
    if batch:
        yield batch
