"""Transactions that clients fill over several calls (`transaction_v2`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hathi.metadata.database import Transaction
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
    raise NotImplementedError


def inspect(store: Store, id: str) -> TransactionInfo:
    """Return a transaction; TransactionNotFound."""
    raise NotImplementedError


def list_transactions(store: Store) -> list[TransactionInfo]:
    """Return all that are not finished, oldest first."""
    raise NotImplementedError


def append(store: Store, id: str, requests: Sequence[Request], operations: Operations) -> TransactionInfo:
    """Queue requests, after a rehearsal of everything queued; what fails there is raised and not queued.

    Returns the transaction with all responses so far; the last ones answer `requests`.
    """
    raise NotImplementedError


def finish(store: Store, id: str, operations: Operations) -> TransactionInfo:
    """Do everything queued in one transaction; on an error nothing is done and the queue stays."""
    raise NotImplementedError


def batch(store: Store, requests: Sequence[Request], operations: Operations) -> TransactionInfo:
    """Do `requests` in one transaction, with no queue."""
    raise NotImplementedError


def delete(store: Store, id: str) -> None:
    """Forget a transaction; TransactionNotFound."""
    raise NotImplementedError


def delete_all(store: Store) -> None:
    """Forget all transactions."""
    raise NotImplementedError
