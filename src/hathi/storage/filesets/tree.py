"""Trees: sorted maps from bytes to bytes that share everything equal, stored as content-addressed nodes.

Every function names the tree by its root and never changes it; what changes is returned as another root. Equal entries
have equal roots, whatever order and history brought them there. Where a store is asked for, pass one `Nodes` to several
calls and they share the nodes they decoded. Ranges of keys are half-open, `start <= key < stop`, and None as `stop`
means no end.

Costs, for a tree of n entries: `get`, `measure`, `range_root` and each of k edits in `apply` touch O(log n) nodes;
nothing ever reads or writes a subtree that it does not have to cut.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from hathi.storage.chunks.interface import NodeReader, NodeStore
from hathi.storage.filesets.builder import Builder
from hathi.storage.filesets.cursor import Cursor
from hathi.storage.filesets.node import EMPTY_ROOT, Node, Schema
from hathi.storage.filesets.nodes import Nodes, Unsaved, reading, writing


class Put(NamedTuple):
    """An edit: `key` has `value` now, whether it was there or not."""

    key: bytes
    value: bytes


class Delete(NamedTuple):
    """An edit: the entry of `key` is gone, if it was there."""

    key: bytes


class DeleteRange(NamedTuple):
    """An edit: the old entries from `key` up to `stop` (None: to the end) are gone. Puts among them stay."""

    key: bytes
    stop: bytes | None


Edit: TypeAlias = Put | Delete | DeleteRange


def build(schema: Schema, store: NodeStore, items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the root of a tree of these entries, which come in strictly ascending order of their keys."""
    builder = Builder(schema, writing(store))
    builder.extend(items)
    return builder.finish()


def apply(schema: Schema, store: NodeStore, root: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the root of a changed tree. Edits come in ascending order of `key`, puts of a key after deletions of it.

    Deletions are of old entries only: a put is never undone by an edit of the same call. ValueError when out of order.
    """
    nodes = writing(store)
    cursor = Cursor(schema, nodes, root)
    builder = Builder(schema, nodes)
    at = b""
    for edit in edits:
        key = edit.key
        if key < at:
            raise ValueError(f"edit of {key!r} comes after one of {at!r}")
        at = key
        cursor.copy(key, builder)
        if isinstance(edit, Put):
            cursor.skip(key + b"\0")
            builder.add(key, edit.value)
        elif isinstance(edit, Delete):
            cursor.skip(key + b"\0")
        else:
            cursor.skip(edit.stop)
    cursor.copy(None, builder)
    return builder.finish()


def range_root(schema: Schema, store: NodeReader, root: bytes, start: bytes = b"", stop: bytes | None = None) -> bytes:
    """Return the root that the entries of a range have as a tree of their own; it is computed, not stored."""
    return cut(schema, Unsaved(reading(store)), root, start, stop)


def cut(schema: Schema, store: NodeStore, root: bytes, start: bytes = b"", stop: bytes | None = None) -> bytes:
    """Return the root of a tree of the entries of a range, stored; inner nodes are shared, the two edges made anew."""
    nodes = writing(store)
    cursor = Cursor(schema, nodes, root)
    builder = Builder(schema, nodes)
    cursor.skip(start)
    cursor.copy(stop, builder)
    return builder.finish()


def get(schema: Schema, store: NodeReader, root: bytes, key: bytes) -> bytes | None:
    """Return the value of a key, or None."""
    if root == EMPTY_ROOT:
        return None
    leaf, _ = _leaf(schema, reading(store), root, key)
    place = bisect_left(leaf.keys, key)
    return leaf.values[place] if place < len(leaf.keys) and leaf.keys[place] == key else None


def first(schema: Schema, store: NodeReader, root: bytes, start: bytes = b"") -> bytes | None:
    """Return the least key that is `start` or greater, or None."""
    if root == EMPTY_ROOT:
        return None
    leaf, beyond = _leaf(schema, reading(store), root, start)
    place = bisect_left(leaf.keys, start)
    return leaf.keys[place] if place < len(leaf.keys) else beyond


def around(schema: Schema, store: NodeReader, root: bytes, key: bytes) -> list[bytes]:
    """Return the keys of the leaf where `key` belongs and the one behind them: for asking about many that are near."""
    if root == EMPTY_ROOT:
        return []
    leaf, beyond = _leaf(schema, reading(store), root, key)
    return leaf.keys if beyond is None else [*leaf.keys, beyond]


def batches(
    schema: Schema,
    store: NodeReader,
    root: bytes,
    start: bytes = b"",
    stop: bytes | None = None,
    reverse: bool = False,
) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield the entries of a range as lists of keys and of values, one pair of lists for each leaf and none of them
    empty.

    The pairs ascend, or descend with `reverse`; the lists themselves always ascend, and must not be changed.
    """
    if root == EMPTY_ROOT:
        return
    nodes = reading(store)
    pending = [root]
    while pending:
        node = nodes.load(schema, pending.pop())
        low, high = overlap(node, start, stop)
        if node.level:
            children = node.values[low:high]
            pending += children if reverse else children[::-1]
        elif high - low == len(node.keys):
            yield node.keys, node.values
        elif low < high:
            yield node.keys[low:high], node.values[low:high]


def scan(
    schema: Schema,
    store: NodeReader,
    root: bytes,
    start: bytes = b"",
    stop: bytes | None = None,
    reverse: bool = False,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a range, ascending, or descending with `reverse`."""
    for keys, values in batches(schema, store, root, start, stop, reverse):
        yield from zip(reversed(keys), reversed(values), strict=True) if reverse else zip(keys, values, strict=True)


def measure(
    schema: Schema, store: NodeReader, root: bytes, start: bytes = b"", stop: bytes | None = None
) -> tuple[int, ...]:
    """Return the sums of the measures of a range's entries."""
    if root == EMPTY_ROOT:
        return (0,) * schema.width
    return _measure(schema, reading(store), root, start, stop, None)


def select(
    schema: Schema,
    store: NodeReader,
    root: bytes,
    wanted: Callable[[tuple[int, ...]], bool],
    start: bytes = b"",
    stop: bytes | None = None,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a range whose measures are wanted, reading only subtrees whose sums are.

    `wanted` must hold for a sum whenever it holds for one of its parts ("some of these failed"), or entries are missed.
    """
    if root == EMPTY_ROOT:
        return
    nodes = reading(store)
    pending = [root]
    while pending:
        node = nodes.load(schema, pending.pop())
        low, high = overlap(node, start, stop)
        if node.level:
            sums = list(zip(*node.measures, strict=True))
            pending += [node.values[child] for child in range(high - 1, low - 1, -1) if wanted(sums[child])]
        else:
            for key, value in zip(node.keys[low:high], node.values[low:high], strict=True):
                if wanted(schema.measure(key, value)):
                    yield key, value


def _leaf(schema: Schema, nodes: Nodes, root: bytes, key: bytes) -> tuple[Node, bytes | None]:
    """Return the leaf where a key stands or would stand, and the first key to the right of that leaf."""
    node = nodes.load(schema, root)
    beyond: bytes | None = None
    while node.level:
        child = max(bisect_right(node.keys, key) - 1, 0)
        if child + 1 < len(node.keys):
            beyond = node.keys[child + 1]
        node = nodes.load(schema, node.values[child])
    return node, beyond


def overlap(node: Node, start: bytes, stop: bytes | None) -> tuple[int, int]:
    """Return which entries of a leaf lie in a range, or which children of an interior node may reach into it."""
    high = len(node.keys) if stop is None else bisect_left(node.keys, stop)
    if node.level:
        return max(bisect_right(node.keys, start) - 1, 0), high
    return bisect_left(node.keys, start), high


def _measure(
    schema: Schema, nodes: Nodes, id: bytes, start: bytes, stop: bytes | None, bound: bytes | None
) -> tuple[int, ...]:
    """Sum up the range within one node, all of whose keys are less than `bound` (None: nobody knows a bound)."""
    node = nodes.load(schema, id)
    low, high = overlap(node, start, stop)
    if not node.level or low >= high:
        return node.total(schema, low, max(low, high))
    if high < len(node.keys):
        bound = node.keys[high]
    cut_low = node.keys[low] < start
    cut_high = stop is not None and (bound is None or bound > stop)
    sums = [node.total(schema, low + cut_low, max(high - cut_high, low + cut_low))]
    for child in {low: None, high - 1: None}:
        if (child == low and cut_low) or (child == high - 1 and cut_high):
            end = node.keys[child + 1] if child + 1 < len(node.keys) else bound
            sums.append(_measure(schema, nodes, node.values[child], start, stop, end))
    return tuple(map(sum, zip(*sums, strict=True)))
