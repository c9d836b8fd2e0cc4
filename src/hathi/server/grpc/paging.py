"""Pages of lists, for clients that ask for one page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from hathi.model.errors import InvalidError

Item = TypeVar("Item")


def at_most(number: int) -> int:
    """Return how many items a client wants, 0 for all of them; InvalidError when it asks for fewer than none."""
    if number < 0:
        raise InvalidError(f"cannot list {number} items: the number must not be negative; 0 means all")
    return number


def page(items: Iterable[Item], size: int, index: int) -> Iterator[Item]:
    """Yield the page `index` (from 0) of `size` items; a size of 0 means everything is one page."""
    if size <= 0:
        return iter(items)
    return islice(items, size * index, size * (index + 1))
