"""The server as a whole."""

from __future__ import annotations

import click
from google.protobuf.empty_pb2 import Empty

from hathi.cli import options, references
from hathi.cli.grammar import command
from hathi.cli.render import documents, tables
from hathi.cli.session import Session, pass_session
from hathi.model.errors import UnimplementedError
from hathi.wire.gen import admin_pb2, auth_pb2, hathi_pb2, transaction_pb2


@command()
@options.raw_output
@pass_session
def inspect_cluster(session: Session, raw: bool, output: str) -> None:
    """A Hathi server also tells how it runs user code."""
    form = documents.wanted(raw, output)
    request = admin_pb2.InspectClusterRequest(current_project=references.project(session.project()))
    info = session.server.admin.InspectCluster(request)
    if form:
        documents.show([info], form)
        return
    tables.fields(
        [
            ("Cluster ID", info.id),
            ("Deployment ID", info.deployment_id),
            *_about(session),
            *(("Warning", warning) for warning in info.warnings),
            ("Paused", str(info.paused).lower()),
            ("Proxy", info.proxy_host),
        ]
    )


def _about(session: Session) -> list[tuple[str, str]]:
    try:
        answer = session.server.about.Server(hathi_pb2.ServerRequest())
    except UnimplementedError:
        return []
    return [("Version", answer.version), ("Runtime", answer.runtime), ("Runtime problem", answer.runtime_problem)]


@command()
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@pass_session
def delete_all(session: Session, force: bool) -> None:
    """Every project's pipelines, repos, branches, commits and files, and all transactions."""
    if not force and not session.confirm("This deletes all repos, pipelines and transactions. Are you sure?"):
        return
    server = session.server
    server.pps.DeleteAll(Empty())
    server.pfs.DeleteAll(Empty())
    server.transaction.DeleteAll(transaction_pb2.DeleteAllRequest())
    if session.transaction:
        session.set_transaction("")


@command()
@click.option("--enterprise", is_flag=True, help="Accepted; there is no enterprise server.")
@pass_session
def auth_whoami(session: Session, enterprise: bool) -> None:
    """Fails when the server has no users."""
    answer = session.server.auth.WhoAmI(auth_pb2.WhoAmIRequest())
    click.echo(f'You are "{answer.username}"')
    if answer.HasField("expiration"):
        click.echo(f"session expires: {answer.expiration.ToJsonString()}")
