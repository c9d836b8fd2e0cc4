"""`pachctl logs`."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable

import click
from google.protobuf.duration_pb2 import Duration

from hathi.cli import options, references
from hathi.cli.grammar import command
from hathi.cli.render import documents
from hathi.cli.session import Session, pass_session, require
from hathi.model import ids
from hathi.wire.gen import pps_pb2

_LEVEL = re.compile(r"\b(ERROR|WARN(?:ING)?|INFO|DEBUG|error|warn(?:ing)?|info|debug)\b")
_COLORS = {"E": "red", "W": "yellow", "I": "green", "D": "cyan"}


@command()
@click.option("-p", "--pipeline", default="", help="Print the logs of this pipeline.")
@click.option("-j", "--job", default="", metavar="PIPELINE@JOB", help="Print the logs of this job.")
@click.option("--datum", default="", metavar="ID", help="Print what was said about this datum.")
@click.option("--inputs", multiple=True, metavar="A,B", help="Print what was said about these files: paths or hashes.")
@click.option("--master", is_flag=True, help="Print the server's own messages about the pipeline.")
@click.option("--worker", is_flag=True, help="Print the workers' own messages, without those of user code.")
@click.option("--raw", is_flag=True, help="Print messages whole, as JSON.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-t", "--tail", default=0, help="Print only that many of the newest lines; 0 means all.")
@click.option("--since", type=options.Duration(), default="24h", show_default=True, help="Print what is not older.")
@options.project
@pass_session
def logs(
    session: Session,
    pipeline: str,
    job: str,
    datum: str,
    inputs: tuple[str, ...],
    master: bool,
    worker: bool,
    raw: bool,
    follow: bool,
    tail: int,
    since: float,
    project: str | None,
) -> None:
    """One message a line. Without a pipeline or a job, the server prints its own log."""
    require(tail >= 0, "--tail must not be negative")
    home = session.project(project)
    here = 0 if follow else tail
    request = pps_pb2.GetLogsRequest(
        master=master, follow=follow, tail=tail, data_filters=options.split_commas(inputs), since=_length(since)
    )
    if here and worker:
        request.tail = 0  # lines of user code, which are left out here, must not count
    if pipeline:
        request.pipeline.CopyFrom(references.pipeline(pipeline, home))
    if job:
        text = f"{pipeline}@{job}" if pipeline and ids.is_id(job) else job
        request.job.CopyFrom(references.job(session, text, home))
    if datum:
        require(job or pipeline, "--datum needs --job or --pipeline")
        request.datum.CopyFrom(pps_pb2.Datum(job=request.job, id=datum))
    messages: Iterable[pps_pb2.LogMessage] = (
        each for each in session.server.pps.GetLogs(request) if not (worker and (each.user or each.master))
    )
    for message in deque(messages, here) if here else messages:
        if raw:
            click.echo(json.dumps(documents.to_json(message), ensure_ascii=False))
        elif message.message:
            click.echo(_painted(message.message.rstrip("\n"), color=session.color))


def _length(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=round((seconds - whole) * 1e9))


def _painted(text: str, *, color: bool) -> str:
    """Return a line with its level word, if it has one, in colour."""
    if not color:
        return text
    return _LEVEL.sub(lambda word: click.style(word[0], fg=_COLORS[word[0][0].upper()]), text, count=1)
