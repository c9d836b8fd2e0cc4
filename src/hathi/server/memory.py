"""Keeps the resident size of a server with many threads near what it uses.

glibc gives each thread that allocates its own arena, and arenas keep what was freed; with hundreds of threads that
handle megabyte messages the process would grow far beyond its live data. Hence two arenas. Messages and chunks stay in
them, to be used again: mapping each anew means that the kernel clears it anew, which was a third of the processor time
of a large put. What is larger is mapped, and what is free at an arena's end is given back.
"""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # malloc.h
_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1
_ARENAS = 2
_MAPPED_FROM = 8 << 20  # bytes; above any chunk, and fixed, since glibc raises it by itself up to 32 MiB otherwise
_TRIMMED_FROM = 32 << 20  # bytes free at the end of the heap that are given back


def bound_arenas() -> None:
    """Limit the allocator's arenas; does nothing where the C library has no such setting (musl, macOS)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, _ARENAS)
    mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
    mallopt(_M_TRIM_THRESHOLD, _TRIMMED_FROM)
