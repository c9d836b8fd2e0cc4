"""`pachctl dev`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from hathi.cli import options, specs
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.local import watching
from hathi.cli.local.code import Builder, WithCode
from hathi.cli.local.inputs import ApiSource
from hathi.cli.local.kept import save
from hathi.cli.local.plans import Planner
from hathi.cli.local.room import Room
from hathi.cli.local.rooms import PROCESS, default_runtime, room_for
from hathi.cli.local.running import Here, Task
from hathi.cli.placing import STDIN, is_url
from hathi.cli.render import local
from hathi.cli.session import Session, pass_session, require
from hathi.cli.submitting import Order, submit
from hathi.images.buildspec import folder_of
from hathi.images.source import list_source
from hathi.model.errors import HathiError

SHORT = 12


@command()
@click.option("-f", "--file", "place", required=True, metavar="SPEC", help="The spec, a file of this machine.")
@click.option("-w", "--watch", is_flag=True, help="Run again whenever the code or the spec is saved.")
@click.option("--datum", default="", metavar="ID", help="The datum to run: the beginning of its id; else the first.")
@click.option("--all", "every", is_flag=True, help="Run all datums of the input.")
@click.option("--apply", is_flag=True, help="When all went well, update the pipeline, or create it.")
@click.option("-o", "--output", default="", metavar="DIR", help="Keep what the datums make in this folder.")
@options.project
@pass_session
def dev(
    session: Session,
    place: str,
    watch: bool,
    datum: str,
    every: bool,
    apply: bool,
    output: str,
    project: str | None,
) -> None:
    """The code is the one on this machine, the datums those that the spec's input has on the server now.

    What they make is shown and not committed; what they print goes to standard error. The code of a build pipeline is
    its source folder, and it is built again only when what the build follows from has changed, such as
    requirements.txt; any other pipeline's command must find its code by itself, and the spec's folder is watched.
    """
    require(place != STDIN and not is_url(place), "pachctl dev needs a spec that is a file of this machine")
    require(not (datum and every), "cannot set both --datum and --all; at most one may be set")
    require(not (watch and apply), "cannot set both --watch and --apply; stop watching, then apply")
    home = session.project(project)
    runtime = default_runtime(session)

    def read() -> specs.Spec:
        (spec, *more) = specs.load(place, home, session.warn)
        require(not more, f"{place} holds {len(more) + 1} specs; expected one")
        return spec

    first = read()
    planner = Planner(session, runtime, every=every, datum=datum)
    with contextlib.ExitStack() as rooms:
        image, builder = planner.images(first)
        room = rooms.enter_context(room_for(session, runtime, image, [_code_folder(first)]))
        apart = runtime != PROCESS and builder not in ("", image)
        yard = rooms.enter_context(room_for(session, runtime, builder)) if apart else room
        bench = _Bench(room, yard, session, planner, output)
        if watch:
            _watch(Path(place), read, bench)
        bench.run(first)
    if apply:
        submit(session, first, Order(update=True))
        click.echo(f"pipeline {first.name} is updated", err=True)


class _Bench:
    """Runs what a spec has at each time. yard: where code is built. output: a folder to keep results in, or ""."""

    def __init__(self, room: Room, yard: Room, session: Session, planner: Planner, output: str) -> None:
        self._source = WithCode(ApiSource(session.server))
        self._here = Here(room, self._source)
        self._builder = Builder(Here(yard, self._source), self._source)
        self._planner = planner
        self._output = output

    def run(self, spec: specs.Spec) -> None:
        """Build if necessary, run the datums, show them; CliError when one failed."""
        plan = self._planner.plan(spec)
        if spec.build is not None and plan.build is not None:
            began = time.monotonic()
            files = list_source(_code_folder(spec))
            if self._builder.refresh(plan.build, spec.build.language, files, _print):
                click.echo(f"built in {local.length(time.monotonic() - began)}", err=True)
        failed = sum(not self._show(task) for task in plan.datums)
        if failed:
            raise CliError(f"{failed} of {len(plan.datums)} datums failed")

    def _show(self, task: Task) -> bool:
        """Run a datum and show it; returns whether it went well."""
        sys.stderr.flush()
        data = [each for each in task.inputs if each.name not in self._source.code]
        click.echo(f"datum {task.id[:SHORT]} ({local.inputs_text(data)})")
        ran = self._here.run(task, _print)
        try:
            for line in local.listing(ran.outputs):
                click.echo(line)
            if self._output and not ran.reason:
                save(ran.outputs, Path(self._output))
        finally:
            ran.drop()
        click.echo(local.summary(ran), err=True)
        if ran.reason:
            click.echo(f"{'recovered from' if ran.recovered else 'failed'}: {ran.reason}", err=True)
        return not ran.reason or ran.recovered


def _watch(place: Path, read: Callable[[], specs.Spec], bench: _Bench) -> None:
    """Run, and run again after each save, until interrupted."""
    spec = read()
    while True:

        def look(spec: specs.Spec = spec) -> watching.Moment:
            return watching.moment([place.absolute(), *_code_files(spec)])

        before = look()
        try:
            spec = read()
            bench.run(spec)
        except HathiError as error:
            click.echo(str(error), err=True)
        click.echo("waiting for changes (Ctrl-C ends)", err=True)
        changed = watching.wait_for_change(look, before, time.sleep)
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        click.echo(f"changed: {changed[0].name}{more}", err=True)


def _code_folder(spec: specs.Spec) -> Path:
    assert spec.folder is not None, "the spec is a local file"
    return folder_of(spec.build, spec.folder) if spec.build is not None else spec.folder


def _code_files(spec: specs.Spec) -> list[Path]:
    try:
        if spec.build is not None:
            return [file.local for file in list_source(_code_folder(spec))]
    except HathiError:
        pass  # half saved: whatever is wrong with it is told when it runs
    return list(watching.files_below(_code_folder(spec)))


def _print(data: bytes, errors: bool) -> None:
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()
