"""Transactions: several changes as one."""

from __future__ import annotations

import click

from hathi.cli import options
from hathi.cli.grammar import command
from hathi.cli.render import documents, tables, times
from hathi.cli.session import Session, pass_session, require
from hathi.wire.gen import transaction_pb2


@command()
@pass_session
def start_transaction(session: Session) -> None:
    """Its id is kept in the active context, so that later commands find it."""
    require(
        not session.transaction,
        f'cannot start a new transaction, since transaction with ID "{session.transaction}" already exists',
    )
    id = session.server.transaction.StartTransaction(transaction_pb2.StartTransactionRequest()).id
    session.set_transaction(id)
    click.echo(f'started new transaction: "{id}"')


@command()
@pass_session
def stop_transaction(session: Session) -> None:
    """It stays open on the server and can be resumed."""
    id = session.transaction
    require(id, "no active transaction")
    session.set_transaction("")
    click.echo(f"Cleared active transaction: {id}")


@command()
@click.argument("transaction")
@pass_session
def resume_transaction(session: Session, transaction: str) -> None:
    """Later commands are queued in it."""
    info = session.server.transaction.InspectTransaction(
        transaction_pb2.InspectTransactionRequest(transaction=_id(transaction))
    )
    session.set_transaction(info.transaction.id)
    click.echo(f"Resuming existing transaction with {len(info.requests)} requests: {info.transaction.id}")


@command()
@click.argument("transaction", required=False)
@pass_session
def finish_transaction(session: Session, transaction: str | None) -> None:
    """All of them happen, or none; the active transaction unless another is named."""
    id = _chosen(session, transaction)
    info = session.server.transaction.FinishTransaction(transaction_pb2.FinishTransactionRequest(transaction=_id(id)))
    _forget(session, id)
    click.echo(f"Completed transaction with {len(info.requests)} requests: {id}")


@command()
@click.argument("transaction", required=False)
@pass_session
def delete_transaction(session: Session, transaction: str | None) -> None:
    """None of its commands happen; the active transaction unless another is named."""
    id = _chosen(session, transaction)
    session.server.transaction.DeleteTransaction(transaction_pb2.DeleteTransactionRequest(transaction=_id(id)))
    _forget(session, id)


@command()
@click.argument("transaction", required=False)
@options.raw_output
@options.timestamps
@pass_session
def inspect_transaction(
    session: Session, transaction: str | None, raw: bool, output: str, full_timestamps: bool
) -> None:
    """With the commands queued in it; the active transaction unless another is named."""
    form = documents.wanted(raw, output)
    id = _chosen(session, transaction)
    info = session.server.transaction.InspectTransaction(transaction_pb2.InspectTransactionRequest(transaction=_id(id)))
    if form:
        documents.show([info], form)
        return
    tables.fields([("ID", info.transaction.id), ("Started", times.ago(info.started, full=full_timestamps))])
    click.echo("Requests:")
    for request in info.requests:
        for field, value in request.ListFields():
            click.echo(f"  {field.name}: {tables.clean(str(value))}")


@command()
@options.raw_output
@options.timestamps
@pass_session
def list_transaction(session: Session, raw: bool, output: str, full_timestamps: bool) -> None:
    """Those of everybody."""
    form = documents.wanted(raw, output)
    found = session.server.transaction.ListTransaction(transaction_pb2.ListTransactionRequest())
    infos = found.transaction_info
    if form:
        documents.show(infos, form)
        return
    tables.table(
        ("TRANSACTION", "STARTED", "OPS"),
        (
            (info.transaction.id, times.ago(info.started, full=full_timestamps), str(len(info.requests)))
            for info in infos
        ),
    )


def _id(id: str) -> transaction_pb2.Transaction:
    return transaction_pb2.Transaction(id=id)


def _chosen(session: Session, given: str | None) -> str:
    id = given or session.transaction
    require(id, "no active transaction")
    return id


def _forget(session: Session, id: str) -> None:
    if session.transaction == id:
        session.set_transaction("")
