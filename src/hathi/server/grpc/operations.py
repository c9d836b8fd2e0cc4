"""Changes that a transaction may hold: done at once, or queued when the client has a transaction active.

An operation is one function of a database transaction and a request. The same function serves the plain call, the
rehearsal of a queued one and its final execution, so that the three cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from hathi.metadata.database import Transaction
from hathi.server.grpc.calls import Call
from hathi.versioning import transactions
from hathi.versioning.store import Store


@dataclass(frozen=True, slots=True)
class Operation:
    """request, response: types of its messages. run: does it."""

    request: type[Message]
    response: type[Message]
    run: Callable[[Transaction, Any], Message]


class Operations:
    """All operations, by the name of their field in `TransactionRequest`."""

    def __init__(self, store: Store, table: Mapping[str, Operation]) -> None:
        self._store = store
        self.table = table
        self.encoded: Mapping[str, transactions.Operation] = {
            kind: _encoded(operation) for kind, operation in table.items()
        }

    def do(self, kind: str, request: Message, call: Call) -> Any:
        """Do what a request asks for, or queue it; returns its response, or the one it will have."""
        operation = self.table[kind]
        if not call.transaction:
            with self._store.db.write() as tx:
                return operation.run(tx, request)
        queued = transactions.Request(kind, request.SerializeToString())
        info = transactions.append(self._store, call.transaction, [queued], self.encoded)
        return operation.response.FromString(info.responses[-1])


def _encoded(operation: Operation) -> transactions.Operation:
    def run(tx: Transaction, body: bytes) -> bytes:
        return operation.run(tx, operation.request.FromString(body)).SerializeToString()

    return run
