"""`pachctl put file`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import click

from hathi.cli import fetching, options, placing, reading, references, sending
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.placing import STDIN, Placed
from hathi.cli.render.progress import Progress
from hathi.cli.session import Session, pass_session, require
from hathi.wire.gen import pfs_pb2

THREADS = 10
MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class Order:
    """What to put, and how."""

    commit: pfs_pb2.Commit
    placed: list[Placed]
    recursive: bool
    append: bool
    untar: bool
    threads: int

    @property
    def plain(self) -> list[Placed]:
        """The local files and folders that are put as they are."""
        return [each for each in self.placed if not each.is_url and not self.is_special(each)]

    def is_special(self, placed: Placed) -> bool:
        """Return whether a source is a stream, or an archive to unpack, so that its files are known only by reading."""
        return placed.source == STDIN or (self.untar and reading.is_archive(placed.source))


@command()
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT[:PATH]")
@click.option("-f", "--file", "sources", multiple=True, metavar="SOURCE", help="A local path, a URL, or - (default).")
@click.option("-i", "--input-file", "lists", multiple=True, metavar="LIST", help="A list of sources, one a line.")
@click.option("-r", "--recursive", is_flag=True, help="Put folders with everything in them; links are followed.")
@click.option("-c", "--compress", is_flag=True, help="Accepted; the server compresses what it stores.")
@click.option("-p", "--parallelism", default=THREADS, show_default=True, help="How many threads read local files.")
@click.option("-a", "--append", is_flag=True, help="Add to what stands there instead of replacing it.")
@click.option("--progress/--no-progress", default=None, help="Show progress; on a terminal by default.")
@click.option("--full-path", is_flag=True, help="Use the whole path of a source as its name.")
@click.option("--untar", is_flag=True, help="Unpack .tar, .tar.gz and .tgz.")
@options.project
@pass_session
def put_file(
    session: Session,
    file: str,
    sources: tuple[str, ...],
    lists: tuple[str, ...],
    recursive: bool,
    compress: bool,
    parallelism: int,
    append: bool,
    progress: bool | None,
    full_path: bool,
    untar: bool,
    project: str | None,
) -> None:
    """All sources are one write: on a branch they make one commit, and a failure leaves nothing behind.

    Without a path a source goes to its base name. A path that ends in / and several sources make it a folder.
    URLs are fetched by the server. Links to nothing, pipes, sockets and devices in a folder are left out; that is told,
    and the command fails after everything else was put.
    """
    require(not session.transaction, "files cannot be put in a transaction; run: pachctl stop transaction")
    require(0 < parallelism <= MOST_THREADS, f"--parallelism must be from 1 to {MOST_THREADS}")
    target = references.file(file, session.project(project))
    names = [*options.split_commas(sources), *(line for place in lists for line in _lines(place))]
    placed = placing.place(names or [STDIN], target.path, recursive=recursive, full_path=full_path)
    for each in placed:
        unpacked = untar and each.is_url and reading.is_archive(each.source)
        require(not unpacked, f"cannot unpack {each.source}: --untar works on local files and standard input only")
    order = Order(target.commit, placed, recursive, append, untar, parallelism)
    repo = references.repo_in(target.commit)
    session.server.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=repo))
    survey = reading.survey(order.plain, recursive=recursive, warn=session.warn)
    shown = sys.stderr.isatty() if progress is None else progress
    with Progress(shown, color=not session.no_color) as bar:
        pieces = bar.watch(_pieces(order, survey, bar))
        urls = [each for each in placed if each.is_url]
        if not urls and session.server.is_hathi:
            session.server.files.Put(sending.batches(order.commit, pieces, append=append))
        else:
            session.server.pfs.ModifyFile(
                sending.modifications(order.commit, pieces, urls, append=append, recursive=recursive)
            )
    if survey.left_out:
        what = "1 thing was" if survey.left_out == 1 else f"{survey.left_out:,} things were"
        raise CliError(f"everything else was put, but {what} left out (see above)")


def _lines(place: str) -> list[str]:
    return [line.strip() for line in fetching.read_text(place).splitlines() if line.strip()]


def _pieces(order: Order, survey: reading.Survey, bar: Progress) -> Iterator[reading.Piece]:
    """Return the bytes of everything but URLs, in the order given."""
    local = [each for each in order.placed if not each.is_url]
    if not any(order.is_special(each) for each in local):
        return reading.read_files(bar.expect(survey.files()), order.threads)
    return chain.from_iterable(_one(each, order) for each in local)


def _one(placed: Placed, order: Order) -> Iterator[reading.Piece]:
    if order.untar and (placed.source == STDIN or reading.is_archive(placed.source)):
        return reading.read_archive(placed)
    if placed.source == STDIN:
        return reading.read_stdin(placed.path)
    files = reading.list_files([placed], recursive=order.recursive)
    return reading.read_files(files, order.threads)
