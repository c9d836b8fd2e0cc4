"""The edit-see loop: a spec and its code as they are now, run on datums and shown; again after each save."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import click

from hathi.cli.building import code_of
from hathi.cli.errors import CliError
from hathi.cli.local import watching
from hathi.cli.local.code import Builder, WithCode
from hathi.cli.local.inputs import ApiSource
from hathi.cli.local.kept import save
from hathi.cli.local.plans import Planner
from hathi.cli.local.rooms import Rooms
from hathi.cli.local.running import Here, Task
from hathi.cli.local.sources import code_files, home, makes_image
from hathi.cli.publishing import BuildSteps
from hathi.cli.render import local
from hathi.cli.session import Session
from hathi.cli.specs import Spec
from hathi.images.trials import Trials
from hathi.model.errors import HathiError

T = TypeVar("T")

SHORT = 12


class Bench:
    """Runs what a spec has at each time. Leaves no container and no image when it is closed."""

    def __init__(self, session: Session, runtime: str, planner: Planner, folder: Path, output: Path | None) -> None:
        """folder: of this machine, which datums that run as processes see. output: a folder to keep results in."""
        self._session = session
        self._runtime = runtime
        self._planner = planner
        self._rooms = Rooms(session.env, runtime, [folder])
        self._output = output
        self._source = WithCode(ApiSource(session.server))
        self._builder = Builder(self._source)
        self._trials: Trials | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._rooms.close_others()
        finally:
            if self._trials is not None:
                self._trials.close()

    def run(self, spec: Spec) -> None:
        """Build if necessary, run the datums, show them; CliError when one failed."""
        if makes_image(spec, self._runtime):
            spec = spec.with_image(self._image(spec))
        files = code_of(spec, self._session.warn) if spec.build is not None else []
        plan = self._planner.plan(spec)
        room = self._rooms.room(plan.datums[0])
        yard = self._rooms.room(plan.build) if plan.build is not None else room
        self._rooms.close_others(room, yard)
        if self._trials is not None:
            self._trials.tidy()
        if spec.build is not None and plan.build is not None:
            with _timed("built") as unless:
                unless(not self._builder.refresh(yard, plan.build, spec.build.language, files, show_log))
        here = Here(room, self._source)
        failed = sum(not self._show(here, task) for task in plan.datums)
        if failed:
            raise CliError(f"{failed} of {len(plan.datums)} datums failed")

    def watch(self, place: Path, read: Callable[[], Spec]) -> None:
        """Run what the spec at `place` has, and again after each save, until interrupted."""
        spec: Spec | None = None

        def look() -> watching.Moment:
            code = code_files(spec, self._runtime, self._output) if spec is not None else []
            return watching.moment([place, *code])

        while True:
            before = watching.moment([place])  # earlier than it is read, so that no save is missed
            fresh = self._attempt(read)
            spec = fresh or spec
            before = {**look(), **before}
            if fresh is not None:
                self._attempt(partial(self.run, fresh))
            click.echo("waiting for changes (Ctrl-C ends)", err=True)
            changed = watching.wait_for_change(look, before, time.sleep)
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            click.echo(f"changed: {changed[0].name}{more}", err=True)

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """Do something and return what it does; tell what went wrong, and return None."""
        try:
            return action()
        except HathiError as error:
            click.echo(self._session.explain(error), err=True)
            return None

    def _image(self, spec: Spec) -> str:
        """Build a spec's image and return its name."""
        if self._trials is None:
            from hathi.engine.docker import Engine  # brings the SDK, which takes long to load

            self._trials = Trials(Engine(self._session.env))
            self._rooms.sweep()  # first what images are used by
            self._trials.sweep()
        with _timed("image built"), BuildSteps() as steps:
            return self._trials.build(spec.data["transform"], home(spec), steps.show)

    def _show(self, here: Here, task: Task) -> bool:
        """Run a datum and show it; returns whether it went well."""
        sys.stderr.flush()
        data = [each for each in task.inputs if each.name not in self._source.code]
        click.echo(f"datum {task.id[:SHORT]} ({local.inputs_text(data)})")
        ran = here.run(task, show_log)
        try:
            for line in local.listing(ran.outputs):
                click.echo(line)
            if self._output is not None and not ran.reason:
                save(ran.outputs, self._output)
        finally:
            ran.drop()
        click.echo(local.summary(ran), err=True)
        if ran.reason:
            click.echo(f"{'recovered from' if ran.recovered else 'failed'}: {ran.reason}", err=True)
        return not ran.reason or ran.recovered


def show_log(data: bytes, errors: bool) -> None:
    """Show what user code prints; a `Log`."""
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()


@contextlib.contextmanager
def _timed(what: str) -> Iterator[Callable[[bool], None]]:
    """Tell how long something took that went well. Gives a function that takes whether there is nothing to tell."""
    began = time.monotonic()
    silent: list[bool] = []
    yield silent.append
    if not any(silent):
        click.echo(f"{what} in {local.length(time.monotonic() - began)}", err=True)
