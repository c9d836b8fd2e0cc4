"""From a spec's `transform` to what runs for one datum, and from how that ended to words for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hathi.datum.frames import Command, Outcome
from hathi.datum.policies import datum_timeout, err_cmd

NO_COMMAND = "invalid pipeline transform, no command specified"


def command_of(transform: Mapping[str, Any], env: Mapping[str, str], folder: str, timeout: float) -> Command:
    """Return the command of a datum. folder: its folder's name below the stage. timeout: in seconds, 0 for any."""
    return Command(
        argv=tuple(transform.get("cmd") or ()),
        env=env,
        cwd=transform.get("working_dir") or "",
        user=transform.get("user") or "",
        stdin=err_cmd.stdin_of(transform.get("stdin")),
        timeout=datum_timeout.limit(timeout),
        folder=folder,
    )


def reason_of(outcome: Outcome, timeout: float) -> str:
    """Return why a run failed."""
    if outcome.error:
        return outcome.error
    if outcome.memory:
        return f"it was killed for using more memory than {outcome.memory}"
    if outcome.timed_out:
        return datum_timeout.reason(timeout)
    if outcome.signal:
        return f"the command was ended by signal {outcome.signal}"
    least = f", after it could not start more than {outcome.processes} processes" if outcome.processes else ""
    return f"the command exited with status {outcome.code}{least}"
