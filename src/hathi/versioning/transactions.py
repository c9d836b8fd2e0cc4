"""Transactions that clients fill over several calls (`transaction_v2`).

A queued request is kept as the door encoded it, and nothing it does is kept at all: each call rehearses the whole
queue, so that the answer (the id of a commit, say) is what will happen, and what would fail is refused at once. All
commits of the transaction belong to one set, whose id is drawn when the transaction begins, so that every rehearsal and
the real thing give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete as delete_from
from sqlalchemy import insert, select, update

from hathi.metadata.database import Transaction
from hathi.metadata.tables.pfs import transaction_requests as queued
from hathi.metadata.tables.pfs import transactions as table
from hathi.model.ids import CommitSetId, new_transaction_id
from hathi.versioning.errors import TransactionNotFound
from hathi.versioning.store import Store

Operation = Callable[[Transaction, bytes], bytes]
"""Does what an encoded request asks for, inside the transaction; returns the encoded response (b"" for none)."""
Operations = Mapping[str, Operation]
"""By kind of request, e.g. `start_commit`."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, kept as the door encoded it."""

    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TransactionInfo:
    """A transaction. responses: one for each request, as foreseen when it was queued or as given at the end."""

    id: str
    started: datetime
    requests: tuple[Request, ...] = ()
    responses: tuple[bytes, ...] = ()


def start(store: Store) -> TransactionInfo:
    """Begin an empty transaction."""
    with store.db.write() as tx:
        info = TransactionInfo(new_transaction_id(), tx.now)
        tx.connection.execute(insert(table).values(id=info.id, started=info.started))
    return info


def inspect(store: Store, id: str) -> TransactionInfo:
    """Return a transaction; TransactionNotFound."""
    with store.db.read() as tx:
        return _load(tx, id)


def list_transactions(store: Store) -> list[TransactionInfo]:
    """Return all that are not finished, oldest first."""
    with store.db.read() as tx:
        ids = tx.connection.execute(select(table.c.id).order_by(table.c.started, table.c.id)).scalars().all()
        return [_load(tx, id) for id in ids]


def append(store: Store, id: str, requests: Sequence[Request], operations: Operations) -> TransactionInfo:
    """Queue requests, after a rehearsal of everything queued; what fails there is raised and not queued.

    Returns the transaction with all responses so far; the last ones answer `requests`.
    """
    with store.db.write() as tx:
        before = _load(tx, id)
        every = (*before.requests, *requests)
        with tx.rehearse(_commit_set(id)) as rehearsal:
            responses = _replay(rehearsal, every, operations)
        for seq, response in enumerate(responses[: len(before.requests)]):  # what was foreseen may have changed
            if response != before.responses[seq]:
                same = (queued.c.transaction_id == id) & (queued.c.seq == seq)
                tx.connection.execute(update(queued).where(same).values(response=response))
        rows = [
            {"transaction_id": id, "seq": seq, "kind": every[seq].kind, "body": every[seq].body, "response": response}
            for seq, response in enumerate(responses)
            if seq >= len(before.requests)
        ]
        if rows:
            tx.connection.execute(insert(queued), rows)
    return TransactionInfo(id, before.started, every, responses)


def finish(store: Store, id: str, operations: Operations) -> TransactionInfo:
    """Do everything queued in one transaction; on an error nothing is done and the queue stays."""
    with store.db.write(_commit_set(id)) as tx:
        info = _load(tx, id)
        responses = _replay(tx, info.requests, operations)
        tx.connection.execute(delete_from(table).where(table.c.id == id))
    return TransactionInfo(id, info.started, info.requests, responses)


def batch(store: Store, requests: Sequence[Request], operations: Operations) -> TransactionInfo:
    """Do `requests` in one transaction, with no queue."""
    id = new_transaction_id()
    with store.db.write(_commit_set(id)) as tx:
        responses = _replay(tx, requests, operations)
        return TransactionInfo(id, tx.now, tuple(requests), responses)


def delete(store: Store, id: str) -> None:
    """Forget a transaction; TransactionNotFound."""
    with store.db.write() as tx:
        if tx.connection.execute(delete_from(table).where(table.c.id == id)).rowcount == 0:
            raise TransactionNotFound(id)


def delete_all(store: Store) -> None:
    """Forget all transactions."""
    with store.db.write() as tx:
        tx.connection.execute(delete_from(table))


def _load(tx: Transaction, id: str) -> TransactionInfo:
    row = tx.connection.execute(select(table).where(table.c.id == id)).first()
    if row is None:
        raise TransactionNotFound(id)
    rows = tx.connection.execute(select(queued).where(queued.c.transaction_id == id).order_by(queued.c.seq)).all()
    requests = tuple(Request(row.kind, row.body) for row in rows)
    return TransactionInfo(id, row.started, requests, tuple(row.response for row in rows))


def _replay(tx: Transaction, requests: Sequence[Request], operations: Operations) -> tuple[bytes, ...]:
    return tuple(operations[request.kind](tx, request.body) for request in requests)


def _commit_set(id: str) -> CommitSetId:
    """Return the id of the transaction's commits: its own, in the form that commits have."""
    return CommitSetId(id.replace("-", ""))
