"""`pachctl version`. It loads nothing that speaks to a server unless it asks one."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass

import click

from hathi import __version__
from hathi.cli import options
from hathi.cli.config import JsonObject
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, tables
from hathi.cli.session import Session, pass_session
from hathi.model.errors import UnimplementedError

DEFAULT_PATIENCE = 5.0
LEAST, PADDING = 20, 3


@command()
@click.option("--client-only", is_flag=True, help="Do not ask the server.")
@click.option("--print-architecture", is_flag=True, help="Print the machine's architecture too.")
@click.option("--timeout", default="default", help="How long to wait for the server, e.g. 10s.")
@click.option("--enterprise", is_flag=True, help="Accepted; there is no enterprise server.")
@click.option("--compare", is_flag=True, help="Fail when server and pachctl differ.")
@options.raw_output
@pass_session
def version(
    session: Session,
    client_only: bool,
    print_architecture: bool,
    timeout: str,
    enterprise: bool,
    compare: bool,
    raw: bool,
    output: str,
) -> None:
    """A Hathi server is shown with its own version; the version of the protocol it speaks is in the raw output."""
    form = documents.wanted(raw, output)
    mine = __version__ + (f" ({platform.machine()})" if print_architecture else "")
    if not form:
        tables.table(("COMPONENT", "VERSION"), [("pachctl", mine)], least=LEAST, padding=PADDING)
    found = None if client_only else _ask(session, _patience(timeout))
    if form:
        click.echo(documents.document(_raw(found), form))
    elif found:
        click.echo(tables.aligned([("pachd", found.hathi or found.protocol)], least=LEAST, padding=PADDING)[0])
    if compare and found and found.hathi != __version__:
        raise CliError(f"pachctl is {__version__} and pachd is {found.hathi or found.protocol}")


@dataclass(frozen=True, slots=True)
class Found:
    """What a server says of its version: Hathi's own, "" when it is no Hathi, and that of the protocol."""

    hathi: str
    protocol: str
    message: JsonObject


def _ask(session: Session, patience: float) -> Found:
    from google.protobuf import json_format
    from google.protobuf.empty_pb2 import Empty

    from hathi.wire.gen import hathi_pb2

    answer = session.server.version.GetVersion(Empty(), timeout=patience)
    protocol = f"{answer.major}.{answer.minor}.{answer.micro}{answer.additional}"
    try:
        own = session.server.about.Server(hathi_pb2.ServerRequest(), timeout=patience).version
    except UnimplementedError:
        own = ""
    return Found(own, protocol, json_format.MessageToDict(answer, preserving_proto_field_name=True))


def _raw(found: Found | None) -> JsonObject:
    """Return both versions as the original's raw output has them."""
    parts = (re.match(r"\d+", part) for part in __version__.split("."))
    numbers = [int(part[0]) if part else 0 for part in parts]
    mine: JsonObject = dict(zip(("major", "minor", "micro"), numbers, strict=False))
    return {"client_version": mine} | ({"server_version": found.message} if found else {})


def _patience(timeout: str) -> float:
    if timeout == "default":
        return DEFAULT_PATIENCE
    try:
        return options.parse_duration(timeout)
    except ValueError as error:
        raise CliError(str(error)) from error
