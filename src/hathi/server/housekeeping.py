"""What a server does in the background for its own good: it merges pack indexes, so that look-ups stay logarithmic."""

from __future__ import annotations

from hathi.storage.chunks.store import Chunks
from hathi.supervision import Supervisor, Ticker

PAUSE_SECONDS = 5.0
"""Between looks: merging is cheap when there is nothing to merge, and never urgent."""


def index_merging(supervisor: Supervisor, chunks: Chunks) -> Ticker:
    """Make the task that merges pack indexes, one merge a call."""
    return supervisor.every("merging pack indexes", PAUSE_SECONDS, chunks.compact)
