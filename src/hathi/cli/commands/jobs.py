"""Jobs and job sets."""

from __future__ import annotations

from collections.abc import Iterable

import click

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, pps, tables
from hathi.cli.session import Session, pass_session, require
from hathi.model import ids, parse
from hathi.model.errors import UnimplementedError
from hathi.wire.gen import hathi_pb2, pps_pb2

STATES = ("created", "starting", "running", "failure", "success", "killed", "egressing", "finishing", "unrunnable")


@command()
@click.argument("job", metavar="PIPELINE@JOB")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def inspect_job(session: Session, job: str, raw: bool, output: str, full_timestamps: bool, project: str | None) -> None:
    """A bare id will do when it names one job only."""
    form = documents.wanted(raw, output)
    message = references.job(session, job, session.project(project))
    request = pps_pb2.InspectJobRequest(job=message, details=True)
    _show(session, session.server.pps.InspectJob(request), form, full=full_timestamps)


@command()
@click.argument("job", metavar="ID | PIPELINE@JOB")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def wait_job(session: Session, job: str, raw: bool, output: str, full_timestamps: bool, project: str | None) -> None:
    """A bare id waits for every job of the set and lists them."""
    form = documents.wanted(raw, output)
    if ids.is_id(job):
        _list(session, _set(session, job, wait=True), form, full=full_timestamps)
        return
    message = references.job(session, job, session.project(project))
    request = pps_pb2.InspectJobRequest(job=message, wait=True, details=True)
    _show(session, session.server.pps.InspectJob(request), form, full=full_timestamps)


@command()
@click.argument("id", required=False)
@click.option("-p", "--pipeline", default="", help="List the jobs of this pipeline.")
@click.option("-i", "--input", "inputs", multiple=True, metavar="REPO@COMMIT", help="List jobs with this input.")
@click.option("-x", "--expand", is_flag=True, help="List the jobs of each set instead of the sets.")
@click.option("--history", type=options.History(), default="none", help="With jobs of that many earlier versions.")
@click.option("--state", "states", multiple=True, metavar="STATE", help="List jobs in this state; repeatable.")
@options.raw_output
@options.timestamps
@options.no_pager
@options.all_projects
@options.project
@pass_session
def list_job(
    session: Session,
    id: str | None,
    pipeline: str,
    inputs: tuple[str, ...],
    expand: bool,
    history: int,
    states: tuple[str, ...],
    raw: bool,
    output: str,
    full_timestamps: bool,
    no_pager: bool,
    all_projects: bool,
    project: str | None,
) -> None:
    """Without a filter job sets are listed, newest first; with an id, the jobs of that set."""
    form = documents.wanted(raw, output)
    wanted = _states(states)
    home = session.project(project)
    where = [] if all_projects else [references.project(home)]
    pps_api = session.server.pps
    if id is not None:
        require(ids.is_id(id), f'"{id}" is not the id of a job set (32 hex digits)')
        require(not (pipeline or inputs), "cannot list the jobs of a set and filter by pipeline or input")
        infos: Iterable[pps_pb2.JobInfo] = _set(session, id)
    elif pipeline or inputs or expand or wanted or history:
        request = pps_pb2.ListJobRequest(history=history, details=True, projects=where)
        if pipeline:
            request.pipeline.CopyFrom(references.pipeline(pipeline, home))
        for each in options.split_commas(inputs):
            request.input_commit.append(references.commit_of(parse.parse_commit(each, home)))
        infos = pps_api.ListJob(request)
    else:
        sets = pps_api.ListJobSet(pps_pb2.ListJobSetRequest(projects=where))
        if form:
            documents.show(sets, form)
        else:
            rows = (pps.set_row(each, full=full_timestamps, color=session.color) for each in sets)
            tables.table(pps.SET_HEADER, rows)
        return
    chosen = (info for info in infos if not wanted or info.state in wanted)
    _list(session, chosen, form, full=full_timestamps)


@command()
@click.argument("job", metavar="PIPELINE@JOB")
@options.project
@pass_session
def delete_job(session: Session, job: str, project: str | None) -> None:
    """A job that runs is stopped first."""
    message = references.job(session, job, session.project(project))
    session.server.pps.DeleteJob(pps_pb2.DeleteJobRequest(job=message))


@command()
@click.argument("job", metavar="PIPELINE@JOB")
@options.project
@pass_session
def stop_job(session: Session, job: str, project: str | None) -> None:
    """What it finished is kept and not computed again. In a transaction, it is queued."""
    message = references.job(session, job, session.project(project))
    with session.change() as server:
        server.pps.StopJob(pps_pb2.StopJobRequest(job=message, reason="job stopped"))


def _states(states: tuple[str, ...]) -> set[pps_pb2.JobState.ValueType]:
    found = set()
    for state in options.split_commas(states):
        name = state.lower().removeprefix("job_")
        if name not in STATES:
            raise CliError(f'unknown job state "{state}": expected {", ".join(STATES)}')
        found.add(pps_pb2.JobState.Value(f"JOB_{name.upper()}"))
    return found


def _set(session: Session, id: str, *, wait: bool = False) -> Iterable[pps_pb2.JobInfo]:
    request = pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=id), wait=wait, details=True)
    found: Iterable[pps_pb2.JobInfo] = session.server.pps.InspectJobSet(request)
    return found


def _show(session: Session, info: pps_pb2.JobInfo, form: str, *, full: bool) -> None:
    if form:
        documents.show([info], form)
    else:
        tables.fields([*pps.job_fields(info, full=full, color=session.color), *_images(session, info)])


def _images(session: Session, info: pps_pb2.JobInfo) -> list[tuple[str, str]]:
    """Return what the original's messages have no field for: the images that the job's datums really ran in."""
    pipeline = info.job.pipeline
    request = hathi_pb2.JobRequest(project=pipeline.project.name, pipeline=pipeline.name, id=info.job.id)
    try:
        return [("Image ID", image) for image in session.server.about.Job(request).images]
    except UnimplementedError:
        return []


def _list(session: Session, infos: Iterable[pps_pb2.JobInfo], form: str, *, full: bool) -> None:
    if form:
        documents.show(infos, form)
    else:
        tables.table(pps.JOB_HEADER, (pps.job_row(info, full=full, color=session.color) for info in infos))
