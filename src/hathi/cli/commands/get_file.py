"""`pachctl get file`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from hathi.cli import options, placing, receiving, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import Whole, command
from hathi.cli.render.progress import Progress
from hathi.cli.session import Session, pass_session, require
from hathi.model import globs
from hathi.model.errors import HathiError, NotFoundError, UnavailableError
from hathi.wire.gen import pfs_pb2

RETRIES = 5


@command()
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("-r", "--recursive", is_flag=True, help="Get a directory or everything a pattern matches; needs -o.")
@click.option("-o", "--output", default="", metavar="PATH", help="Where to write; standard output by default.")
@click.option("--progress/--no-progress", default=None, help="Show progress; on a terminal by default.")
@click.option("--offset", type=Whole(63), default=0, help="Leave out this many bytes at the start.")
@click.option("--retry", is_flag=True, help="Go on where it broke off when the connection is lost.")
@options.project
@pass_session
def get_file(
    session: Session,
    file: str,
    recursive: bool,
    output: str,
    progress: bool | None,
    offset: int,
    retry: bool,
    project: str | None,
) -> None:
    """One file goes to standard output or to the path given; with -r, what is in a directory goes into that path.

    A URL after -o makes the server copy the files to that object store.
    """
    require(output or not recursive, "an output path needs to be specified when using the --recursive flag")
    require(offset >= 0, "--offset must not be negative")
    require(not (recursive and offset), "--offset works on one file, and not with -r")
    target = references.one_file(file, session.project(project))
    if placing.is_url(output):
        _export(session, target, output)
        return
    shown = bool(output) and (sys.stderr.isatty() if progress is None else progress)
    with Progress(shown, color=not session.no_color) as bar:
        if recursive:
            _get_many(session, target, Path(output), bar)
        elif output:
            with receiving.one_file(Path(output)) as write:
                _get_one(session, target, offset, retry, write, bar)
        else:
            _get_one(session, target, offset, retry, _writer(sys.stdout.buffer.write), bar)
            sys.stdout.buffer.flush()


def _writer(write: Callable[[memoryview], int | None]) -> Callable[[bytes], None]:
    def whole(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[write(view) or len(view) :]

    return whole


def _get_one(
    session: Session, file: pfs_pb2.File, offset: int, retry: bool, write: Callable[[bytes], None], bar: Progress
) -> None:
    got, failures = 0, 0
    while True:
        try:
            request = pfs_pb2.GetFileRequest(file=file, offset=offset + got)
            for answer in session.server.pfs.GetFile(request):
                write(answer.value)
                bar.add(len(answer.value), opens=got == 0)
                got += len(answer.value)
                failures = 0
            return
        except UnavailableError:
            failures += 1
            if not retry or failures > RETRIES:
                raise
        except HathiError as error:
            if isinstance(error, NotFoundError) or not receiving.is_ambiguous(error):
                raise
            raise CliError(
                f'"{file.path}" is a directory or matches more than one file; get it with -r and -o PATH ({error})'
            ) from error


def _get_many(session: Session, file: pfs_pb2.File, target: Path, bar: Progress) -> None:
    base = _base(session, file)
    found = 0
    for piece in receiving.save(receiving.arrivals(session.server, file), target, base):
        found += piece.first
        bar.add(len(piece.data), opens=piece.first)
    if not found:
        info = session.server.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=file))
        if info.file_type == pfs_pb2.DIR:
            target.mkdir(parents=True, exist_ok=True)


def _base(session: Session, file: pfs_pb2.File) -> str:
    """Return the path that the target folder stands for: the one asked for, or what a pattern's matches share."""
    path = "/" + file.path.strip("/")
    pattern = globs.compile_glob(path)
    return path if pattern.is_literal else pattern.literal_prefix.rsplit("/", 1)[0] or "/"


def _export(session: Session, file: pfs_pb2.File, url: str) -> None:
    for _ in session.server.pfs.GetFileTAR(pfs_pb2.GetFileRequest(file=file, URL=url)):
        pass
