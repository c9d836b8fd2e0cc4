"""The server as a whole."""

from __future__ import annotations

import click
from google.protobuf.empty_pb2 import Empty

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, sizes, tables, times
from hathi.cli.session import Session, pass_session
from hathi.model.errors import UnimplementedError
from hathi.wire.gen import admin_pb2, auth_pb2, hathi_pb2, transaction_pb2


@command()
@options.raw_output
@pass_session
def inspect_cluster(session: Session, raw: bool, output: str) -> None:
    """The first line is the cluster's id. A Hathi server also tells how it runs user code, and what it stores."""
    form = documents.wanted(raw, output)
    request = admin_pb2.InspectClusterRequest(current_project=references.project(session.project()))
    info = session.server.admin.InspectCluster(request)
    if form:
        documents.show([info], form)
        return
    click.echo(info.id)
    tables.fields(
        [
            *(("Warning", warning) for warning in info.warnings),
            ("Paused", "true" if info.paused else ""),
            ("Proxy", info.proxy_host),
            *_about(session),
            *_usage(session),
        ]
    )


def _about(session: Session) -> list[tuple[str, str]]:
    try:
        answer = session.server.about.Server(hathi_pb2.ServerRequest())
    except UnimplementedError:
        return []
    return [("Version", answer.version), ("Runtime", answer.runtime), ("Runtime problem", answer.runtime_problem)]


def _usage(session: Session) -> list[tuple[str, str]]:
    try:
        usage = session.server.storage.Usage(hathi_pb2.UsageRequest())
    except UnimplementedError:
        return []
    stored = [("Stored", sizes.size(usage.stored_bytes))]
    if not usage.HasField("measured"):
        return [*stored, ("Garbage", "not measured yet; run `pachctl gc --dry-run`")]
    when = times.ago(usage.measured)
    return [
        *stored,
        ("Files of all commits", f"{sizes.size(usage.logical_bytes)} ({when})"),
        ("Garbage", f"about {sizes.size(usage.unused_bytes)}, which `pachctl gc` frees (measured {when})"),
    ]


@command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@pass_session
def gc(session: Session, dry_run: bool) -> None:
    """The server also does so by itself, when enough was deleted. Interrupting this command does not stop it.

    Data that an upload or a download under way may need is kept until that has ended.
    """
    phase = ""
    answer = hathi_pb2.CollectResponse()
    for answer in session.server.storage.Collect(hathi_pb2.CollectRequest(dry_run=dry_run)):
        if answer.phase and answer.phase != phase:
            phase = answer.phase
            click.echo(f"{phase} ...", err=True)
    if not answer.done:
        raise CliError("the server stopped before garbage collection had ended; run `pachctl gc` again")
    if dry_run:
        _show_plan(answer.plan)
    else:
        freed = f"freed {sizes.size(answer.freed_bytes)}: deleted {answer.packs} of {answer.plan.packs} packs"
        click.echo(freed + (f" and {answer.orphans} unfinished objects" if answer.orphans else ""))


def _show_plan(plan: hathi_pb2.CollectPlan) -> None:
    if plan.first:
        rows = [
            (pack.name, sizes.size(pack.size), sizes.size(pack.used_bytes), "rewrite" if pack.used_bytes else "delete")
            for pack in plan.first
        ]
        tables.table(("PACK", "SIZE", "IN USE", "ACTION"), rows)
    more = plan.drop_packs + plan.rewrite_packs - len(plan.first)
    if more:
        click.echo(f"... and {more} more")
    click.echo(
        f"would free {sizes.size(plan.frees_bytes)} of {sizes.size(plan.stored_bytes)}: "
        f"delete {plan.drop_packs} and rewrite {plan.rewrite_packs} of {plan.packs} packs"
    )


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
