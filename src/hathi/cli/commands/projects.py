"""Projects."""

from __future__ import annotations

import click

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, tables, times
from hathi.cli.session import Session, pass_session, require
from hathi.model.references import DEFAULT_PROJECT, USER
from hathi.wire.gen import pfs_pb2, pps_pb2


@command()
@click.argument("project")
@options.description
@pass_session
def create_project(session: Session, project: str, description: str) -> None:
    """Names of repos, branches and pipelines are unique within a project."""
    _put(session, project, description, update=False)


@command()
@click.argument("project")
@options.description
@pass_session
def update_project(session: Session, project: str, description: str) -> None:
    """The description is replaced."""
    _put(session, project, description, update=True)


def _put(session: Session, name: str, description: str, *, update: bool) -> None:
    session.server.pfs.CreateProject(
        pfs_pb2.CreateProjectRequest(project=references.project(name), description=description, update=update)
    )


@command()
@click.argument("project")
@options.raw_output
@pass_session
def inspect_project(session: Session, project: str, raw: bool, output: str) -> None:
    """Empty fields are left out."""
    form = documents.wanted(raw, output)
    info = session.server.pfs.InspectProject(pfs_pb2.InspectProjectRequest(project=references.project(project)))
    if form:
        documents.show([info], form)
        return
    tables.fields(
        [
            ("Name", info.project.name),
            ("Description", info.description),
            ("Created at", times.ago(info.created_at) if info.HasField("created_at") else ""),
            ("Roles", ", ".join(info.auth_info.roles)),
        ]
    )


@command()
@options.raw_output
@pass_session
def list_project(session: Session, raw: bool, output: str) -> None:
    """The star marks the project of the active context."""
    form = documents.wanted(raw, output)
    infos = session.server.pfs.ListProject(pfs_pb2.ListProjectRequest())
    if form:
        documents.show(infos, form)
        return
    active = session.project()
    tables.table(
        ("ACTIVE", "PROJECT", "CREATED", "DESCRIPTION"),
        (
            (
                "*" if info.project.name == active else "",
                info.project.name,
                times.ago(info.created_at) if info.HasField("created_at") else "-",
                tables.clean(info.description),
            )
            for info in infos
        ),
    )


@command()
@click.argument("project")
@click.option("-f", "--force", is_flag=True, help="Delete whatever depends on its repos, and ask nothing.")
@pass_session
def delete_project(session: Session, project: str, force: bool) -> None:
    """The pipelines and repos in it are listed and, after a question each, deleted first."""
    require(project != DEFAULT_PROJECT, f'project "{project}" cannot be deleted: it always exists')
    server, message = session.server, references.project(project)
    server.pfs.InspectProject(pfs_pb2.InspectProjectRequest(project=message))
    pipelines = [info.pipeline for info in server.pps.ListPipeline(pps_pb2.ListPipelineRequest(projects=[message]))]
    if pipelines:
        _ask(session, force, "pipelines", project, [each.name for each in pipelines])
        server.pps.DeletePipelines(pps_pb2.DeletePipelinesRequest(projects=[message], force=force))
    repos = [info.repo for info in server.pfs.ListRepo(pfs_pb2.ListRepoRequest(type=USER, projects=[message]))]
    if repos:
        _ask(session, force, "repos", project, [each.name for each in repos])
        server.pfs.DeleteRepos(pfs_pb2.DeleteReposRequest(projects=[message], force=force))
    server.pfs.DeleteProject(pfs_pb2.DeleteProjectRequest(project=message, force=force))
    if session.context.get("project") == project:
        session.warn(
            f'the active context still works in the deleted project "{project}"; choose another one with '
            "'pachctl config update context --project NAME'"
        )


def _ask(session: Session, force: bool, kind: str, project: str, names: list[str]) -> None:
    click.echo(f"The following {kind} of project {project} will be deleted: {', '.join(names)}", err=True)
    if not force and not session.confirm():
        raise CliError(f"project {project} was not deleted")
