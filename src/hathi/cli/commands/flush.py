"""The 1.x way to wait for everything that commits cause."""

from __future__ import annotations

from collections.abc import Iterator

import click

from hathi.cli import options, references
from hathi.cli.grammar import command
from hathi.cli.render import documents, pfs, pps, tables
from hathi.cli.session import Session, pass_session
from hathi.wire.gen import pfs_pb2, pps_pb2


@command()
@click.argument("commits", metavar="REPO@COMMIT…", nargs=-1, required=True)
@click.option("-r", "--repos", multiple=True, help="List commits of these repos only.")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def flush_commit(
    session: Session,
    commits: tuple[str, ...],
    repos: tuple[str, ...],
    raw: bool,
    output: str,
    full_timestamps: bool,
    project: str | None,
) -> None:
    """Use `wait commit ID` instead."""
    form = documents.wanted(raw, output)
    chosen = set(options.split_commas(repos))
    infos = [
        info
        for id in _sets(session, commits, session.project(project))
        for info in session.server.pfs.InspectCommitSet(
            pfs_pb2.InspectCommitSetRequest(commit_set=pfs_pb2.CommitSet(id=id), wait=True)
        )
        if not chosen or references.repo_in(info.commit).name in chosen
    ]
    if form:
        documents.show(infos, form)
    else:
        tables.table(pfs.COMMIT_HEADER, (pfs.commit_row(info, full=full_timestamps) for info in infos))


@command()
@click.argument("commits", metavar="REPO@COMMIT…", nargs=-1, required=True)
@click.option("-p", "--pipeline", "pipelines", multiple=True, help="Wait for jobs of these pipelines only.")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def flush_job(
    session: Session,
    commits: tuple[str, ...],
    pipelines: tuple[str, ...],
    raw: bool,
    output: str,
    full_timestamps: bool,
    project: str | None,
) -> None:
    """Use `wait job ID` instead."""
    form = documents.wanted(raw, output)
    chosen = set(options.split_commas(pipelines))
    infos = [
        info
        for id in _sets(session, commits, session.project(project))
        for info in session.server.pps.InspectJobSet(
            pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=id), wait=True)
        )
        if not chosen or info.job.pipeline.name in chosen
    ]
    if form:
        documents.show(infos, form)
    else:
        rows = (pps.job_row(info, full=full_timestamps, color=session.color) for info in infos)
        tables.table(pps.JOB_HEADER, rows)


def _sets(session: Session, commits: tuple[str, ...], project: str) -> Iterator[str]:
    """Yield the ids of the commit sets that the commits belong to, each once."""
    seen = set()
    for text in commits:
        request = pfs_pb2.InspectCommitRequest(commit=references.commit(text, project), wait=pfs_pb2.STARTED)
        id = session.server.pfs.InspectCommit(request).commit.id
        if id not in seen:
            seen.add(id)
            yield id
