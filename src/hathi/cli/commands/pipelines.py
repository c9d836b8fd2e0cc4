"""Pipelines that exist."""

from __future__ import annotations

import json

import click

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, pps, tables
from hathi.cli.session import Session, pass_session, require
from hathi.model import ids
from hathi.model.errors import UnimplementedError
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2

STATES = ("starting", "running", "restarting", "failure", "paused", "standby", "crashing")


@command()
@click.argument("pipeline")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def inspect_pipeline(
    session: Session, pipeline: str, raw: bool, output: str, full_timestamps: bool, project: str | None
) -> None:
    """With the specification as it was given and as it is in force."""
    form = documents.wanted(raw, output)
    message = references.pipeline(pipeline, session.project(project))
    info = session.server.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=message, details=True))
    if form:
        documents.show([info], form)
        return
    tables.fields([*pps.pipeline_fields(info, full=full_timestamps, color=session.color), *_runtime(session, info)])


def _runtime(session: Session, info: pps_pb2.PipelineInfo) -> list[tuple[str, str]]:
    """Return what the original's messages have no field for: how its code is run."""
    request = hathi_pb2.PipelineRequest(project=info.pipeline.project.name, pipeline=info.pipeline.name)
    try:
        answer = session.server.about.Pipeline(request)
    except UnimplementedError:
        return []
    note = f" ({answer.runtime_note})" if answer.runtime_note else ""
    runtime = [("Runtime", f"{answer.runtime}{note}" if answer.runtime else "")]
    return [*runtime, *(("Warning", warning) for warning in answer.warnings)]


@command()
@click.argument("pipeline", required=False)
@click.option("-s", "--spec", is_flag=True, help="Print specifications that can be submitted again.")
@click.option("--history", type=options.History(), default="none", help="Also show that many earlier versions.")
@click.option("-c", "--commit", default="", metavar="ID", help="Show pipelines as they were in this commit set.")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Show pipelines in this state; repeatable.")
@options.raw_output
@options.timestamps
@options.all_projects
@options.project
@pass_session
def list_pipeline(
    session: Session,
    pipeline: str | None,
    spec: bool,
    history: int,
    commit: str,
    states: tuple[str, ...],
    raw: bool,
    output: str,
    full_timestamps: bool,
    all_projects: bool,
    project: str | None,
) -> None:
    """Newest first."""
    require(not (raw and spec), "cannot set both --raw and --spec")
    form = (output or "json") if spec else documents.wanted(raw, output)
    wanted = set(options.split_commas(states))
    if unknown := wanted.difference(STATES):
        raise CliError(f'unknown pipeline state "{unknown.pop()}": expected {", ".join(STATES)}')
    home = session.project(project)
    request = pps_pb2.ListPipelineRequest(
        history=history, details=True, projects=[] if all_projects else [references.project(home)]
    )
    if pipeline:
        request.pipeline.CopyFrom(references.pipeline(pipeline, home))
    if commit:
        require(ids.is_id(commit), f'"{commit}" is not the id of a commit set (32 hex digits)')
        request.commit_set.CopyFrom(pfs_pb2.CommitSet(id=commit))
    found = session.server.pps.ListPipeline(request)
    infos = (info for info in found if not wanted or pps.pipeline_state(info.state) in wanted)
    if spec:
        for info in infos:
            click.echo(documents.document(_spec(info), form))
    elif form:
        documents.show(infos, form)
    else:
        rows = (pps.pipeline_row(info, full=full_timestamps, color=session.color) for info in infos)
        tables.table(pps.PIPELINE_HEADER, rows)


def _spec(info: pps_pb2.PipelineInfo) -> object:
    from google.protobuf import json_format

    text = info.effective_spec_json or info.user_spec_json
    effective = json_format.ParseDict(json.loads(text), pps_pb2.CreatePipelineRequest(), ignore_unknown_fields=True)
    return documents.to_json(effective)


@command()
@click.argument("pipeline", required=False)
@click.option("--all", "every", is_flag=True, help="Delete all pipelines of the project.")
@click.option("-f", "--force", is_flag=True, help="Delete it even if another pipeline reads its output.")
@click.option("--keep-repo", is_flag=True, help="Keep its output repo.")
@options.all_projects
@options.project
@pass_session
def delete_pipeline(
    session: Session,
    pipeline: str | None,
    every: bool,
    force: bool,
    keep_repo: bool,
    all_projects: bool,
    project: str | None,
) -> None:
    """Its jobs go with it, and its output unless --keep-repo is given."""
    require(not (pipeline and every), "cannot use the --all flag with an argument")
    require(pipeline or every, "either a pipeline name or the --all flag needs to be provided")
    require(every or not all_projects, "--all-projects needs --all")
    server, home = session.server, session.project(project)
    if pipeline is None:
        where = [] if all_projects else [references.project(home)]
        server.pps.DeletePipelines(
            pps_pb2.DeletePipelinesRequest(projects=where, all=all_projects, force=force, keep_repo=keep_repo)
        )
        return
    message = references.pipeline(pipeline, home)
    server.pps.DeletePipeline(
        pps_pb2.DeletePipelineRequest(pipeline=message, force=force, keep_repo=keep_repo, must_exist=True)
    )


@command()
@click.argument("pipeline")
@options.project
@pass_session
def start_pipeline(session: Session, pipeline: str, project: str | None) -> None:
    """It goes on with what came in meanwhile."""
    message = references.pipeline(pipeline, session.project(project))
    session.server.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=message))


@command()
@click.argument("pipeline")
@options.project
@pass_session
def stop_pipeline(session: Session, pipeline: str, project: str | None) -> None:
    """It keeps its output and its jobs, and starts no new ones."""
    message = references.pipeline(pipeline, session.project(project))
    session.server.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=message, must_exist=True))


@command()
@click.argument("pipeline")
@click.option("--reprocess", is_flag=True, help="Process every datum again, also those done already.")
@options.project
@pass_session
def rerun_pipeline(session: Session, pipeline: str, reprocess: bool, project: str | None) -> None:
    """The same specification is submitted again."""
    message = references.pipeline(pipeline, session.project(project))
    session.server.pps.RerunPipeline(pps_pb2.RerunPipelineRequest(pipeline=message, reprocess=reprocess))


@command()
@click.argument("pipeline")
@options.project
@pass_session
def run_cron(session: Session, pipeline: str, project: str | None) -> None:
    """Each gets one more tick, beside those of its schedule."""
    message = references.pipeline(pipeline, session.project(project))
    session.server.pps.RunCron(pps_pb2.RunCronRequest(pipeline=message))
