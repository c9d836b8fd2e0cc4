"""Repos."""

from __future__ import annotations

import click

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, sizes, tables, times
from hathi.cli.session import Session, pass_session, require
from hathi.model.references import USER
from hathi.wire.gen import pfs_pb2


@command()
@click.argument("repo")
@options.description
@options.project
@pass_session
def create_repo(session: Session, repo: str, description: str, project: str | None) -> None:
    """A repo holds versions of a tree of files. In a transaction, it is queued."""
    _put(session, repo, description, project, update=False)


@command()
@click.argument("repo")
@options.description
@options.project
@pass_session
def update_repo(session: Session, repo: str, description: str, project: str | None) -> None:
    """The description is replaced. In a transaction, it is queued."""
    _put(session, repo, description, project, update=True)


def _put(session: Session, name: str, description: str, project: str | None, *, update: bool) -> None:
    message = references.repo(name, session.project(project))
    with session.change() as server:
        server.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=message, description=description, update=update))


@command()
@click.argument("repo")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def inspect_repo(
    session: Session, repo: str, raw: bool, output: str, full_timestamps: bool, project: str | None
) -> None:
    """The size is that of the head of master."""
    form = documents.wanted(raw, output)
    message = references.repo(repo, session.project(project))
    info = session.server.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=message))
    if form:
        documents.show([info], form)
        return
    tables.fields(
        [
            ("Name", references.short(info.repo)),
            ("Description", info.description),
            ("Created", times.ago(info.created, full=full_timestamps)),
            ("Size of HEAD on master", _size(info)),
            ("Roles", ", ".join(info.auth_info.roles)),
        ]
    )


@command()
@click.option("--all", "every_type", is_flag=True, help="List repos of every type, those of the system too.")
@click.option("--type", "kind", default=USER, show_default=True, help="List repos of this type.")
@options.raw_output
@options.timestamps
@options.all_projects
@options.project
@pass_session
def list_repo(
    session: Session,
    every_type: bool,
    kind: str,
    raw: bool,
    output: str,
    full_timestamps: bool,
    all_projects: bool,
    project: str | None,
) -> None:
    """Those of one project, unless -A is given."""
    form = documents.wanted(raw, output)
    require(not (every_type and kind != USER), "cannot set both --all and --type")
    where = [] if all_projects else [references.project(session.project(project))]
    infos = session.server.pfs.ListRepo(pfs_pb2.ListRepoRequest(type="" if every_type else kind, projects=where))
    if form:
        documents.show(infos, form)
        return
    tables.table(
        ("PROJECT", "NAME", "CREATED", "SIZE (MASTER)", "DESCRIPTION"),
        (
            (
                info.repo.project.name,
                references.short(info.repo),
                times.ago(info.created, full=full_timestamps),
                _size(info),
                tables.clean(info.description),
            )
            for info in infos
        ),
    )


@command()
@click.argument("repo", required=False)
@click.option("-f", "--force", is_flag=True, help="Delete it even if something depends on it.")
@click.option("--all", "every", is_flag=True, help="Delete all repos of the project.")
@options.all_projects
@options.project
@pass_session
def delete_repo(
    session: Session, repo: str | None, force: bool, every: bool, all_projects: bool, project: str | None
) -> None:
    """Its commits and files go with it. In a transaction, it is queued."""
    require(bool(repo) != every, "either a repo or --all must be given, and not both")
    require(every or not all_projects, "--all-projects needs --all")
    if repo is None:
        where = [] if all_projects else [references.project(session.project(project))]
        session.server.pfs.DeleteRepos(pfs_pb2.DeleteReposRequest(projects=where, all=all_projects, force=force))
        return
    message = references.repo(repo, session.project(project))
    queued = bool(session.transaction)
    with session.change() as server:
        answer = server.pfs.DeleteRepo(pfs_pb2.DeleteRepoRequest(repo=message, force=force))
    if queued:
        return
    if not answer.deleted:
        raise CliError("No repo deleted.")
    click.echo("Repo deleted.", err=True)


def _size(info: pfs_pb2.RepoInfo) -> str:
    if info.HasField("details"):
        return sizes.size(info.details.size_bytes)
    return f"≤ {sizes.size(info.size_bytes_upper_bound)}"
