"""Appending: the content of one file's bytes followed by another's, at the cost of the seam.

The cut of a whole follows from the cuts of its parts almost everywhere: only the first part's last chunk ends because
the bytes did. So cutting starts again where that chunk begins, and as soon as it meets a border of the second part,
the rest of the second part's chunks are those of the whole.
"""

from __future__ import annotations

from itertools import chain

from hathi.storage.chunks.content import Content, ContentBuilder
from hathi.storage.chunks.cutting import cut
from hathi.storage.chunks.interface import NodeStore


def join(nodes: NodeStore, a: Content, b: Content) -> Content:
    """Return the content of a's bytes followed by b's, storing new chunks through `nodes`."""
    if not a.size or not b.size:
        return a if a.size else b
    builder = ContentBuilder(nodes.put)
    before = a.refs(nodes)
    last = next(before)
    for ref in before:
        builder.add(last)
        last = ref
    ahead = b.refs(nodes)
    border = 0  # of b: the first that is not before `at`
    at = -last[1]  # how far the new cut has come, counted from b's start
    for chunk in cut(nodes.get(id) for id, _ in chain((last,), b.refs(nodes))):
        builder.add((nodes.put(chunk), len(chunk)))
        at += len(chunk)
        while border < at:
            border += next(ahead)[1]
        if border == at:
            break
    builder.extend(ahead)
    return builder.finish()
