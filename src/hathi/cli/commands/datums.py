"""Datums."""

from __future__ import annotations

import click
from google.protobuf import json_format

from hathi.cli import options, references, specs
from hathi.cli.grammar import command
from hathi.cli.render import documents, pps, tables
from hathi.cli.session import Session, pass_session, require
from hathi.model.spec import canonical
from hathi.wire.gen import pps_pb2


@command()
@click.argument("job", metavar="PIPELINE@JOB", required=False)
@click.option("-f", "--file", "place", default="", metavar="SPEC", help="List the datums this spec would have.")
@options.raw_output
@options.project
@pass_session
def list_datum(session: Session, job: str | None, place: str, raw: bool, output: str, project: str | None) -> None:
    """With what became of each and which files it reads."""
    form = documents.wanted(raw, output)
    require(bool(job) != bool(place), "expected either a job or a pipeline spec (-f), and not both")
    home = session.project(project)
    request = pps_pb2.ListDatumRequest()
    if job:
        request.job.CopyFrom(references.job(session, job, home))
    else:
        found = specs.load(place, home, session.warn)
        require(len(found) == 1, f"{place} holds {len(found)} specs; expected one")
        json_format.ParseDict(canonical(found[0].data).get("input") or {}, request.input, ignore_unknown_fields=True)
    infos = session.server.pps.ListDatum(request)
    if form:
        documents.show(infos, form)
        return
    tables.table(pps.DATUM_HEADER, (pps.datum_row(info, color=session.color) for info in infos))


@command()
@click.argument("job", metavar="PIPELINE@JOB")
@click.argument("datum")
@options.raw_output
@options.project
@pass_session
def inspect_datum(session: Session, job: str, datum: str, raw: bool, output: str, project: str | None) -> None:
    """With the files it reads."""
    form = documents.wanted(raw, output)
    message = pps_pb2.Datum(job=references.job(session, job, session.project(project)), id=datum)
    info = session.server.pps.InspectDatum(pps_pb2.InspectDatumRequest(datum=message))
    if form:
        documents.show([info], form)
        return
    tables.fields(pps.datum_fields(info, color=session.color))
    for title, files in (("PFS State", [info.pfs_state]), ("Inputs", [each.file for each in info.data])):
        click.echo(f"{title}:")
        rows = pps.file_rows(file for file in files if file.path)
        tables.table(("  REPO", "COMMIT", "PATH"), [(f"  {repo}", *rest) for repo, *rest in rows], least=10, padding=3)


@command()
@click.argument("job", metavar="PIPELINE@JOB")
@click.argument("filters", metavar="PATH1,PATH2…")
@options.project
@pass_session
def restart_datum(session: Session, job: str, filters: str, project: str | None) -> None:
    """The running datum that reads all these files is stopped and tried again."""
    message = references.job(session, job, session.project(project))
    chosen = [part if part.startswith("/") else f"/{part}" for part in filters.split(",") if part]
    session.server.pps.RestartDatum(pps_pb2.RestartDatumRequest(job=message, data_filters=chosen))
