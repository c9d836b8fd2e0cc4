"""Which bytes of which chunks a range of a file is, and which files are read together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hathi.storage.chunks.content import ChunkRef, Content
from hathi.storage.chunks.interface import NodeReader

GROUP_BYTES = 1 << 20  # of files that are read together
GROUP_FILES = 1000


def read_range(
    content: Content,
    nodes: NodeReader,
    fetch: Callable[[Iterable[ChunkRef]], Iterator[bytes]],
    offset: int,
    length: int | None,
) -> Iterator[bytes]:
    """Yield `length` bytes of a file from `offset` (to its end when None), in pieces of at most a chunk.

    nodes: where the chunk list is read. fetch: gives the bytes of chunks, in order.
    """
    stop = content.size if length is None else min(content.size, offset + length)
    left = stop - offset
    if left <= 0:
        return
    chosen, skip = _overlapping(content.refs(nodes), offset, stop)
    for data in fetch(chosen):
        piece = data[skip : skip + left] if skip or len(data) > left else data
        skip = 0
        left -= len(piece)
        yield piece


def groups(contents: Iterable[Content]) -> Iterator[list[Content]]:
    """Gather small neighbours up to `GROUP_BYTES` and `GROUP_FILES`; a large file stands alone. Keeps their order."""
    group: list[Content] = []
    held = 0
    for content in contents:
        if group and (held + content.size > GROUP_BYTES or len(group) == GROUP_FILES):
            yield group
            group, held = [], 0
        group.append(content)
        held += content.size
    if group:
        yield group


def _overlapping(refs: Iterator[ChunkRef], start: int, stop: int) -> tuple[Iterator[ChunkRef], int]:
    """Return the chunks that hold bytes from `start` to `stop`, and how many bytes of the first come before `start`."""
    at = 0
    for ref in refs:
        if at + ref[1] > start:
            return _until(refs, ref, at, stop), start - at
        at += ref[1]
    return iter(()), 0


def _until(refs: Iterator[ChunkRef], first: ChunkRef, at: int, stop: int) -> Iterator[ChunkRef]:
    ref: ChunkRef | None = first
    while ref is not None and at < stop:
        yield ref
        at += ref[1]
        ref = next(refs, None)
