"""`pachctl run datum`."""

from __future__ import annotations

from pathlib import Path

import click
from google.protobuf import json_format

from hathi.cli import options, references
from hathi.cli.errors import CliError, SilentFailure
from hathi.cli.grammar import command
from hathi.cli.interrupts import interrupt_on_end
from hathi.cli.local.bench import show_log
from hathi.cli.local.inputs import ApiSource
from hathi.cli.local.kept import require_fresh, save
from hathi.cli.local.plans import RESOURCES
from hathi.cli.local.room import Room
from hathi.cli.local.rooms import Rooms, runtime_of
from hathi.cli.local.running import Here, Ran, Task
from hathi.cli.local.shell import run_shell
from hathi.cli.local.tasks import inputs_of, seconds
from hathi.cli.render import local
from hathi.cli.session import Session, pass_session
from hathi.model.inputs import from_spec
from hathi.wire.gen import pps_pb2

ID_DIGITS = 64

SIGNALLED = 128
"""What shells add to the number of a signal that ended something, to make a status of it."""


@command()
@click.argument("job", metavar="PIPELINE@JOB")
@click.argument("datum")
@click.option("--shell", is_flag=True, help="Open a shell where the command would run, instead of running it.")
@click.option("-o", "--output", default="", metavar="DIR", help="Keep what it makes in this folder, new or empty.")
@options.project
@pass_session
def run_datum(session: Session, job: str, datum: str, shell: bool, output: str, project: str | None) -> None:
    """It sees the files and variables that it saw in the job, and runs on this machine.

    The beginning of a datum's id will do. What it prints goes to standard error, the list of what it made to standard
    output. Programs that the command names must be here; in a pipeline that runs in containers, its image is used.
    With --shell the exit status is that of the shell.
    """
    message = references.job(session, job, session.project(project))
    interrupt_on_end()
    require_fresh(output)
    task = _task(session, message, datum)
    with Rooms(session.env, runtime_of(session, task.project, task.pipeline)) as rooms:
        room = rooms.room(task)
        here = Here(room, ApiSource(session.server))
        ran = _shell(here, room, task) if shell else here.run(task, show_log)
        for line in local.listing(ran.outputs):
            click.echo(line)
        if output and not ran.reason:
            save(ran.outputs, Path(output))
    if shell:
        _end_as(ran)
        return
    click.echo(local.summary(ran), err=True)
    if ran.reason and not ran.recovered:
        raise CliError(f"datum {task.id} failed: {ran.reason}")


def _end_as(ran: Ran) -> None:
    """End with the status of a shell, as a shell does with that of its last command."""
    if ran.reason:
        raise CliError(f"what was made is no output: {ran.reason}")
    if status := SIGNALLED + ran.outcome.signal if ran.outcome.signal else ran.outcome.code:
        raise SilentFailure(status)


def _shell(here: Here, room: Room, task: Task) -> Ran:
    with here.ready(task) as (staged, planned):
        click.echo(f"/pfs is as datum {task.id} sees it, and nothing is committed. Its command:", err=True)
        click.echo(f"  {local.command_text(planned.argv)}", err=True)
        outcome = run_shell(planned, lambda one: here.start(one, show_log), room.enter)
        if outcome.error:
            where = f" in the image {task.image}" if room.enter else ""
            raise CliError(f"there is no shell{where}: {outcome.error}")
        return here.collected(staged, outcome)


def _task(session: Session, job: pps_pb2.Job, datum: str) -> Task:
    """Return what ran, with the image that it really ran in where that is known."""
    info = session.server.pps.InspectJob(pps_pb2.InspectJobRequest(job=job, details=True))
    found = _find(session, job, datum)
    project, details = job.pipeline.project.name, info.details
    described = json_format.MessageToDict(details.input, preserving_proto_field_name=True)
    root = from_spec(described, project, job.pipeline.name) if described else None
    transform = json_format.MessageToDict(details.transform, preserving_proto_field_name=True)
    resources = {name: getattr(details, name) for name in RESOURCES if details.HasField(name)}
    return Task(
        project=project,
        pipeline=job.pipeline.name,
        job=job.id,
        id=found.datum.id,
        inputs=inputs_of(found, root),
        transform={**transform, "image": found.image_id or transform.get("image", "")},
        timeout=seconds(details.datum_timeout),
        resources={
            name: json_format.MessageToDict(each, preserving_proto_field_name=True) for name, each in resources.items()
        },
    )


def _find(session: Session, job: pps_pb2.Job, datum: str) -> pps_pb2.DatumInfo:
    if len(datum) == ID_DIGITS:
        whole = pps_pb2.Datum(job=job, id=datum)
        answer: pps_pb2.DatumInfo = session.server.pps.InspectDatum(pps_pb2.InspectDatumRequest(datum=whole))
        return answer
    infos = session.server.pps.ListDatum(pps_pb2.ListDatumRequest(job=job))
    found: list[pps_pb2.DatumInfo] = [info for info in infos if info.datum.id.startswith(datum)]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} datums have ids that begin" if found else "no datum has an id that begins"
    raise CliError(f'{what} with "{datum}"; list them: pachctl list datum {job.pipeline.name}@{job.id}')
