"""A file's hash is computed here as the store computes it."""

from __future__ import annotations

import pytest

from hathi.cli.fingerprint import fingerprint
from hathi.storage.chunks.maintenance import open_memory_chunks


@pytest.mark.parametrize("size", [0, 1, 300_000, 5_000_000, 40 << 20])
def test_the_hash_is_the_one_the_server_shows(size: int) -> None:
    data = (bytes(range(256)) * 37 + b"#") * (size // 9473 + 1)
    data = data[:size]
    with open_memory_chunks().upload() as upload:
        assert fingerprint([data]) == upload.content([data]).hash
