"""Where a file is cut into chunks.

The problem: an insertion must not move every later border, or one edit would store a large file again. The rule:
FastCDC chooses borders by the bytes around them, and each border depends only on the bytes from the border before. So
the cut is a pure function of the bytes from the file's start, however they arrive; after an edit it falls back into
step; and whoever starts at a border finds the same borders as whoever came from further back. The parameters are part
of the format (`docs/formats.md`) and golden vectors watch them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyfastcdc import FastCDC

SMALLEST = 256 << 10  # bytes; what is not longer is one chunk, uncut
AVERAGE = 1 << 20
LARGEST = 4 << 20
_WINDOW = (
    2 * LARGEST
)  # bytes looked at together; at least LARGEST, more saves looking twice at what follows the last border

_FASTCDC = FastCDC(avg_size=AVERAGE, min_size=SMALLEST, max_size=LARGEST, normalized_chunking=1, seed=0)


def cut(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks of the concatenation of `parts`, holding at most a window and one part of it.

    Only the last chunk may end because the bytes do; every other one ends at a border.
    """
    window = bytearray()
    for part in parts:
        window += part
        if len(window) >= _WINDOW:
            yield from _take(window)
    if window:
        yield from _take(window, ended=True)


def _take(window: bytearray, ended: bool = False) -> Iterator[bytes]:
    """Yield what is certain and remove it from `window`: a cut at the very end may move when more bytes follow."""
    with memoryview(window) as view:
        lengths = [found.length for found in _FASTCDC.cut_buf(view)]
    if not ended and lengths[-1] < LARGEST:
        lengths.pop()
    start = 0
    for length in lengths:
        with memoryview(window) as view:
            chunk = bytes(view[start : start + length])
        yield chunk
        start += length
    del window[:start]
