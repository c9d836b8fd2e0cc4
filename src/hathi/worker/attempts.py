"""One datum, tried until it succeeds, is recovered or has used up its tries.

The order of an attempt: fresh inputs, the command, its output surveyed while the sandbox still shows it; and when any
of these fails, `err_cmd`. What the spec says about failing is decided by the `policies`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hathi.datum.collect import Made, OutputError, survey
from hathi.datum.command import NO_COMMAND, command_of, reason_of
from hathi.datum.frames import Command, Outcome
from hathi.datum.policies import accept_return_code, err_cmd
from hathi.datum.sandbox import Sandbox, SandboxGone
from hathi.datum.stage import Keep, Staged, StageError
from hathi.model.pps import DatumState
from hathi.worker.logs import Stream
from hathi.worker.policies import retry
from hathi.worker.server import Datum

FORGIVEN = 5
"""How often in a row a datum's sandbox may end without its fault before the datum is to blame all the same."""


class Stopped(Exception):
    """The claim is lost: nobody wants to know how the datum ends."""


class Guard(Protocol):
    """Who may stop a run from outside; see `worker.beats`."""

    def watching(self, datum: str, sandbox: Sandbox) -> None:
        """The datum is about to run in the sandbox, or Stopped is raised."""
        ...

    def released(self) -> bool:
        """The run is over; returns whether it was cancelled, to be tried again. Raises Stopped when the claim is
        lost.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tried:
    """How a datum ended. staged: its folder, which holds what `made` names; both empty unless it succeeded."""

    datum: Datum
    state: DatumState
    attempts: int
    reason: str = ""
    made: list[Made] = field(default_factory=list)
    staged: Staged | None = None
    download_seconds: float = 0.0
    process_seconds: float = 0.0
    download_bytes: int = 0


class Attempts:
    """Tries the datums of one claim, one at a time.

    command: of a datum's variables, without folder. sandbox: returns a living one. keep: stores contents.
    """

    def __init__(
        self,
        transform: Mapping[str, Any],
        tries: int,
        timeout: float,
        sandbox: Callable[[], Sandbox],
        guard: Guard,
        keep: Keep,
    ) -> None:
        self._transform = transform
        self._tries = tries
        self._timeout = timeout
        self._sandbox = sandbox
        self._guard = guard
        self._keep = keep
        self._used: Sandbox | None = None  # by the last run
        self._forgiven = 0

    def run(
        self,
        datum: Datum,
        env: Mapping[str, str],
        stage: Callable[[], Staged],
        log: Callable[[int], Stream],
    ) -> Tried:
        """Try a datum. stage: called for each attempt, the first of which may be prepared already.

        A `StageError` fails the attempt; anything else that `stage` raises is no fault of the datum, and passed on.
        """
        attempt = 1
        self._forgiven = 0
        tried = Tried(datum, DatumState.FAILED, 0)
        while True:
            try:
                staged = stage()
            except StageError as error:
                stream = log(attempt)
                stream.note(f"attempt {attempt} of datum {datum.id} failed: {error}")
                if retry.again(attempt, self._tries):
                    attempt += 1
                    continue
                return replace(tried, attempts=attempt, reason=str(error))
            tried = replace(
                tried,
                attempts=attempt,
                download_seconds=tried.download_seconds + staged.seconds,
                download_bytes=tried.download_bytes + staged.bytes,
            )
            stream = log(attempt)
            done = False
            try:
                outcome, reason, made = self._attempt(datum, env, staged, stream)
                if outcome is None:
                    continue  # cancelled: this attempt does not count
                tried = replace(tried, process_seconds=tried.process_seconds + outcome.wall_seconds)
                if not reason:
                    done = True
                    stream.note(f"attempt {attempt} of datum {datum.id} succeeded in {outcome.wall_seconds:.3f} s")
                    return replace(tried, state=DatumState.SUCCESS, reason="", made=made, staged=staged)
                stream.note(f"attempt {attempt} of datum {datum.id} failed: {reason}")
                recovered = self._handle(datum, self._command(env, staged), stream)
                if retry.again(attempt, self._tries):
                    attempt += 1
                    continue
                state = DatumState.RECOVERED if recovered else DatumState.FAILED
                return replace(tried, state=state, reason=reason)
            finally:
                stream.end()
                if self._used is not None:
                    self._used.withdraw()
                if not done:
                    staged.remove()

    def _attempt(
        self, datum: Datum, env: Mapping[str, str], staged: Staged, stream: Stream
    ) -> tuple[Outcome | None, str, list[Made]]:
        """Return outcome (None: cancelled), why it failed ("" when it did not), and what was made."""
        outcome, cancelled = self._run(datum, self._command(env, staged), stream)
        if cancelled:
            return None, "", []
        if not accept_return_code.accepts(self._transform, outcome):
            return outcome, reason_of(outcome, self._timeout), []
        assert self._used is not None
        try:
            return outcome, "", survey(staged, self._used, self._keep)
        except OutputError as error:
            return outcome, str(error), []
        except SandboxGone as error:
            return (None if self._forgive(error, stream) else outcome), str(error), []

    def _handle(self, datum: Datum, failed: Command, stream: Stream) -> bool:
        """Run `err_cmd`, if there is one; True when it succeeded."""
        command = err_cmd.handler(self._transform, failed)
        if command is None:
            return False
        outcome, cancelled = self._run(datum, command, stream)
        if cancelled:
            return False
        succeeded = accept_return_code.accepts(self._transform, outcome)
        if not succeeded:
            stream.note(f"err_cmd failed: {reason_of(outcome, self._timeout)}")
        return succeeded

    def _run(self, datum: Datum, command: Command, stream: Stream) -> tuple[Outcome, bool]:
        if not command.argv:
            return Outcome(-1, error=NO_COMMAND), False
        sandbox = self._used = self._sandbox()
        self._guard.watching(datum.id, sandbox)
        forgiven = False
        try:
            outcome = sandbox.run(command, stream.write)
        except SandboxGone as error:
            sandbox.close()
            outcome = Outcome(-1, error=str(error))
            forgiven = self._forgive(error, stream)
        except ValueError as error:  # the spec has what no process can be given
            outcome = Outcome(-1, error=f"the command cannot be run: {error}")
        finally:
            stream.end()
        return outcome, self._guard.released() or forgiven

    def _forgive(self, error: SandboxGone, stream: Stream) -> bool:
        """Return whether the attempt does not count, because its sandbox ended without its fault."""
        if not error.blameless or self._forgiven == FORGIVEN:
            return False
        self._forgiven += 1
        stream.note(f"the attempt is repeated: {error}")
        return True

    def _command(self, env: Mapping[str, str], staged: Staged) -> Command:
        return command_of(self._transform, env, staged.folder.name, self._timeout)
