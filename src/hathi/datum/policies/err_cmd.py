"""`transform.err_cmd`: runs after every failed attempt, in the same sandbox with the same environment. When it succeeds
after the last attempt, the datum is RECOVERED: it has no output, and does not fail the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hathi.datum.frames import Command


def handler(transform: Mapping[str, Any], failed: Command) -> Command | None:
    """Return the command that handles the failure of `failed`, or None when the spec has none."""
    argv = transform.get("err_cmd")
    if not argv:
        return None
    return replace(failed, argv=tuple(argv), stdin=stdin_of(transform.get("err_stdin")), continues=True)


def stdin_of(lines: list[str] | None) -> bytes:
    """Return the bytes of `stdin` or `err_stdin`: its lines, each with an end of line."""
    return "".join(f"{line}\n" for line in lines or ()).encode(errors="surrogateescape")
