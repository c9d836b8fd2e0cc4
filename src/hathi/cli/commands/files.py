"""Files, apart from moving their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import click

from hathi.cli import options, references
from hathi.cli.grammar import command
from hathi.cli.render import documents, pfs, sizes, tables
from hathi.cli.session import Session, pass_session, require
from hathi.wire.gen import pfs_pb2

_LINES = 1000


@command()
@click.argument("source", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.argument("destination", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("-a", "--append", is_flag=True, help="Add to what stands at the destination instead of replacing it.")
@click.option("--src-project", help="Project of the source.")
@click.option("--dest-project", help="Project of the destination.")
@options.project
@pass_session
def copy_file(
    session: Session,
    source: str,
    destination: str,
    append: bool,
    src_project: str | None,
    dest_project: str | None,
    project: str | None,
) -> None:
    """No bytes move: the copy shares them."""
    start = references.one_file(source, session.project(src_project or project))
    end = references.one_file(destination, session.project(dest_project or project))
    change = pfs_pb2.CopyFile(dst=end.path, src=start, append=append)
    session.server.pfs.ModifyFile(
        iter([pfs_pb2.ModifyFileRequest(set_commit=end.commit), pfs_pb2.ModifyFileRequest(copy_file=change)])
    )


@command()
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@options.raw_output
@options.project
@pass_session
def inspect_file(session: Session, file: str, raw: bool, output: str, project: str | None) -> None:
    """The size of a directory is that of everything in it."""
    form = documents.wanted(raw, output)
    message = references.one_file(file, session.project(project))
    info = session.server.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=message))
    if form:
        documents.show([info], form)
        return
    tables.fields(
        [
            ("Path", info.file.path),
            ("Datum", info.file.datum),
            ("Type", "dir" if info.file_type == pfs_pb2.DIR else "file"),
            ("Size", sizes.size(info.size_bytes)),
        ]
    )


@command()
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT[:PATH]")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def list_file(session: Session, file: str, raw: bool, output: str, full_timestamps: bool, project: str | None) -> None:
    """One level, the root when no path is given. Names of directories end in a slash."""
    form = documents.wanted(raw, output)
    message = references.file(file, session.project(project))
    _show(session.server.pfs.ListFile(pfs_pb2.ListFileRequest(file=message)), form)


@command()
@click.argument("pattern", metavar="REPO@BRANCH-OR-COMMIT:PATTERN")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def glob_file(
    session: Session, pattern: str, raw: bool, output: str, full_timestamps: bool, project: str | None
) -> None:
    """Quote the pattern, so that the shell leaves it alone."""
    form = documents.wanted(raw, output)
    message = references.one_file(pattern, session.project(project))
    _show(session.server.pfs.GlobFile(pfs_pb2.GlobFileRequest(commit=message.commit, pattern=message.path)), form)


@command()
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("-r", "--recursive", is_flag=True, help="Delete a directory with everything in it.")
@options.project
@pass_session
def delete_file(session: Session, file: str, recursive: bool, project: str | None) -> None:
    """On a branch, this makes a commit of its own."""
    message = references.one_file(file, session.project(project))
    path = message.path
    require(path.strip("/") or recursive, "to delete everything at the root, say so with -r")
    if recursive and not path.endswith("/"):
        path += "/"
    steps = [pfs_pb2.ModifyFileRequest(set_commit=message.commit)]
    if recursive and path.strip("/"):
        steps.append(pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path.rstrip("/"))))
    steps.append(pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path)))
    session.server.pfs.ModifyFile(iter(steps))


def _show(infos: Iterable[pfs_pb2.FileInfo], form: str) -> None:
    if form:
        documents.show(infos, form)
        return
    lines: Iterator[str] = iter(pfs.file_lines(infos))
    while batch := list(islice(lines, _LINES)):
        click.echo("\n".join(batch))
