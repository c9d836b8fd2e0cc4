"""`datum_tries`: how often a datum is tried in all. Every attempt starts from fresh inputs and an empty /pfs/out."""

from __future__ import annotations

DEFAULT_TRIES = 3


def again(attempt: int, tries: int) -> bool:
    """Return whether to try once more after failed attempt number `attempt`, counting from 1."""
    return attempt < (tries if tries > 0 else DEFAULT_TRIES)
