"""`transform.accept_return_code`: exit statuses other than 0 that count as success, of `cmd` and of `err_cmd` alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hathi.datum.frames import Outcome


def accepts(transform: Mapping[str, Any], outcome: Outcome) -> bool:
    """Return whether a run that ended by itself ended well."""
    if outcome.error or outcome.signal or outcome.timed_out or outcome.killed:
        return False
    return outcome.code == 0 or outcome.code in map(int, transform.get("accept_return_code") or ())
