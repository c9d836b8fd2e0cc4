"""The tree of files: from path to what the file holds.

A key is a clean path in ASCII, so a directory's entries are the keys that begin with its path and a slash, and stand
together. A value is an encoded `Content`. Interior nodes count files and sum up their sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

from hathi.storage.chunks.content import encoded_size
from hathi.storage.filesets.node import Schema

AFTER_SLASH = b"0"
"""The byte that follows "/": where the keys below `directory + "/"` end, `directory + "0"` begins."""


class FileSchema(Schema):
    """Measures are: count of files, size in bytes."""

    name = "files"
    width = 2

    def measure(self, key: bytes, value: bytes) -> tuple[int, int]:
        """Return (1, size)."""
        return 1, encoded_size(value)

    def total(self, keys: Sequence[bytes], values: Sequence[bytes]) -> tuple[int, int]:
        """Return (count, sum of sizes)."""
        return len(keys), sum(map(encoded_size, values))


FILES = FileSchema()


def key_of(path: str) -> bytes:
    """Return the key of a file, given its clean path."""
    return path.encode()


def below(path: str) -> bytes:
    """Return what the keys of everything in a directory begin with, given its clean path."""
    return b"/" if path == "/" else path.encode() + b"/"


def end_of(prefix: bytes) -> bytes:
    """Return where the keys of a directory end, given what they begin with (`below`)."""
    return prefix[:-1] + AFTER_SLASH
