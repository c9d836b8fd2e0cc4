"""How a chunk is kept: as it is, or smaller.

zstd at level 1 is fast enough that only text makes it the slowest step; its result is kept when it saves at least 5 %,
so that pictures and archives are never unpacked for nothing. The stored length tells which: shorter means compressed.
"""

from __future__ import annotations

import threading

import zstandard

_LEVEL = 1
_WORTH_TRYING = 64  # bytes; below, the frame's own header eats what could be saved

_local = threading.local()  # zstandard's objects must not be shared between threads that work at once


def shrink(data: bytes) -> bytes:
    """Return the bytes to store for `data`: `data` itself, or something at least 5 % shorter."""
    if len(data) < _WORTH_TRYING:
        return data
    compressor = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    smaller: bytes = compressor.compress(data)
    return smaller if len(smaller) * 20 <= len(data) * 19 else data


def restore(stored: bytes, length: int) -> bytes:
    """Return the `length` bytes that `stored` stands for. Raises ValueError when it stands for nothing of the kind."""
    if len(stored) == length:
        return stored
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    try:
        data: bytes = decompressor.decompress(stored, max_output_size=length)
    except zstandard.ZstdError as error:
        raise ValueError(f"not a compressed chunk ({error})") from error
    return data
