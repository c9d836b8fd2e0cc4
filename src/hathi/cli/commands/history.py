"""Taking commits away, and searching them."""

from __future__ import annotations

import click

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.session import Session, pass_session, require
from hathi.model import ids
from hathi.wire.gen import pfs_pb2


@command()
@click.argument("id", metavar="ID")
@pass_session
def squash_commit(session: Session, id: str) -> None:
    """The commits go, what they changed stays in their children. In a transaction, it is queued."""
    with session.change() as server:
        server.pfs.SquashCommitSet(pfs_pb2.SquashCommitSetRequest(commit_set=_set(id)))


@command()
@click.argument("id", metavar="ID")
@pass_session
def delete_commit(session: Session, id: str) -> None:
    """What the commits changed is lost."""
    session.server.pfs.DropCommitSet(pfs_pb2.DropCommitSetRequest(commit_set=_set(id)))


@command("commitV2")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@click.option("-r", "--recursive", is_flag=True, help="With every commit that depends on it.")
@options.project
@pass_session
def squash_commitv2(session: Session, commit: str, recursive: bool, project: str | None) -> None:
    """What it changed stays in its children."""
    message = references.commit(commit, session.project(project))
    session.server.pfs.SquashCommit(pfs_pb2.SquashCommitRequest(commit=message, recursive=recursive))


@command("commitV2")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@click.option("-r", "--recursive", is_flag=True, help="With every commit that depends on it.")
@options.project
@pass_session
def delete_commitv2(session: Session, commit: str, recursive: bool, project: str | None) -> None:
    """What it changed is lost."""
    message = references.commit(commit, session.project(project))
    session.server.pfs.DropCommit(pfs_pb2.DropCommitRequest(commit=message, recursive=recursive))


@command()
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--limit", default=0, help="Find at most that many; 0 means all.")
@click.option("--timeout", type=options.Duration(), default="0", help="Search at most this long.")
@options.project
@pass_session
def find_commit(session: Session, file: str, as_json: bool, limit: int, timeout: float, project: str | None) -> None:
    """The search goes from the given commit back along its parents."""
    from hathi.cli.render import documents

    require(limit >= 0, "--limit must not be negative")
    where = references.one_file(file, session.project(project))
    request = pfs_pb2.FindCommitsRequest(start=where.commit, file_path=where.path, limit=limit)
    answers = session.server.pfs.FindCommits(request, timeout=timeout or None)
    if as_json:
        documents.show(answers, "json")
        return
    click.echo("FOUND IN COMMITS")
    for answer in answers:
        if answer.HasField("found_commit"):
            click.echo(answer.found_commit.id)
        else:
            click.echo(f"LAST SEARCHED COMMIT\n{answer.last_searched_commit.id}")


def _set(id: str) -> pfs_pb2.CommitSet:
    if not ids.is_id(id):
        raise CliError(f'"{id}" is not the id of a commit set (32 hex digits); for one commit of a repo use commitV2')
    return pfs_pb2.CommitSet(id=id)
