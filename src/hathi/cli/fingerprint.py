"""The hash that a Hathi server shows for a file, computed here: it tells without sending whether a file differs."""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

from hathi.storage.chunks.content import ContentBuilder
from hathi.storage.chunks.cutting import cut


def fingerprint(parts: Iterable[bytes]) -> bytes:
    """Return the content hash of a file of these bytes; holds a few megabytes of it at a time."""
    builder = ContentBuilder(_id)
    for chunk in cut(parts):
        builder.add((_id(chunk), len(chunk)))
    return builder.finish().hash


def _id(data: bytes) -> bytes:
    return blake3(data).digest()
