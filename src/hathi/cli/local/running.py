"""Running one datum here: the same steps as in a worker, once, and then what it made is shown instead of stored."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hathi.cli.local.kept import Kept, Output
from hathi.cli.local.room import Room
from hathi.datum import environment
from hathi.datum.collect import OutputError, survey
from hathi.datum.command import NO_COMMAND, command_of, reason_of
from hathi.datum.frames import Command, Outcome
from hathi.datum.litter import remove_tree
from hathi.datum.policies import accept_return_code, err_cmd
from hathi.datum.sandbox import SandboxGone
from hathi.datum.stage import Source, Staged
from hathi.model.pps import DatumInput

Log = Callable[[bytes, bool], None]
"""Takes what user code prints, and whether it came from standard error."""


@dataclass(frozen=True, slots=True)
class Task:
    """A datum to run, with what its job says of it.

    transform: snake_case. timeout: in seconds, 0 for any. resources: the spec's resource_requests and resource_limits.
    """

    project: str
    pipeline: str
    job: str
    id: str
    inputs: tuple[DatumInput, ...]
    transform: Mapping[str, Any]
    timeout: float = 0.0
    resources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def image(self) -> str:
        """The image that it runs in, where it runs in one."""
        return str(self.transform.get("image") or "")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended. reason: why it failed, or "". recovered: it failed, and `err_cmd` then succeeded.

    kept: the folder that holds the outputs, which whoever has no more use for them drops.
    """

    outcome: Outcome
    reason: str = ""
    recovered: bool = False
    outputs: list[Output] = field(default_factory=list)
    staged_files: int = 0
    staged_bytes: int = 0
    staged_seconds: float = 0.0
    kept: Path | None = None

    def drop(self) -> None:
        """Forget what was made."""
        if self.kept is not None:
            remove_tree(self.kept)


class Here:
    """Runs datums in a room."""

    def __init__(self, room: Room, source: Source) -> None:
        self._room = room
        self._source = source

    @contextlib.contextmanager
    def ready(self, task: Task) -> Iterator[tuple[Staged, Command]]:
        """Give a datum's folder and command; the folder is gone afterwards."""
        transform = self._transform(task)
        about = environment.Job(
            project=task.project,
            pipeline=task.pipeline,
            job=task.job,
            worker=f"{task.pipeline}-here",
            env=transform.get("env") or {},
            base=self._room.base,
        )
        variables = environment.datum_variables(task.job, task.id, task.inputs)
        staged = self._room.stage.prepare(task.inputs, environment.dotenv(variables), self._source)
        try:
            env = environment.environment(about, variables)
            yield staged, command_of(transform, env, staged.folder.name, task.timeout)
        finally:
            self._room.withdraw()
            staged.remove()

    def run(self, task: Task, log: Log) -> Ran:
        """Run a datum's command once."""
        transform = self._transform(task)
        with self.ready(task) as (staged, command):
            if not command.argv:
                return _ran(staged, Outcome(-1, error=NO_COMMAND), NO_COMMAND)
            outcome = self.start(command, log)
            if accept_return_code.accepts(transform, outcome):
                return self.collected(staged, outcome)
            handler = err_cmd.handler(transform, command)
            recovered = handler is not None and accept_return_code.accepts(transform, self.start(handler, log))
            return _ran(staged, outcome, reason_of(outcome, task.timeout), recovered=recovered)

    def _transform(self, task: Task) -> Mapping[str, Any]:
        return {**self._room.defaults, **{name: value for name, value in task.transform.items() if value}}

    def start(self, command: Command, log: Log) -> Outcome:
        """Run a command in the sandbox."""
        sandbox = self._room.sandbox
        try:
            return sandbox.run(command, log)
        except SandboxGone as error:
            sandbox.withdraw()
            sandbox.close()
            return Outcome(-1, error=str(error))
        except ValueError as error:  # the spec has what no process can be given
            return Outcome(-1, error=f"the command cannot be run: {error}")

    def collected(self, staged: Staged, outcome: Outcome) -> Ran:
        """Return a run that went well with what it made."""
        folder = Path(tempfile.mkdtemp(dir=self._room.kept))
        kept = Kept(folder, self._source.read)
        ran = replace(_ran(staged, outcome, ""), kept=folder)
        try:
            made = survey(staged, self._room.sandbox, kept.keep)
            return replace(ran, outputs=kept.outputs(made))
        except (OutputError, SandboxGone) as error:
            return replace(ran, reason=str(error))


def _ran(staged: Staged, outcome: Outcome, reason: str, *, recovered: bool = False) -> Ran:
    return Ran(outcome, reason, recovered, [], staged.files, staged.bytes, staged.seconds)
