"""Transactions that clients fill over several calls, or at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.empty_pb2 import Empty

from hathi.model.errors import InvalidError, UnimplementedError
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.server.grpc.operations import Operations
from hathi.versioning import transactions
from hathi.wire.convert.common import time_message
from hathi.wire.gen import pfs_pb2, transaction_pb2


class Transactions:
    """Serves `transaction_v2.API`."""

    def __init__(self, backend: Backend, operations: Operations) -> None:
        self._store = backend.store
        self._operations = operations

    def BatchTransaction(
        self, request: transaction_pb2.BatchTransactionRequest, call: Call
    ) -> transaction_pb2.TransactionInfo:
        """Do several changes as one."""
        requests = [self._queued(one) for one in request.requests]
        return self._message(transactions.batch(self._store, requests, self._operations.encoded))

    def StartTransaction(
        self, request: transaction_pb2.StartTransactionRequest, call: Call
    ) -> transaction_pb2.Transaction:
        """Begin an empty transaction."""
        return transaction_pb2.Transaction(id=transactions.start(self._store).id)

    def InspectTransaction(
        self, request: transaction_pb2.InspectTransactionRequest, call: Call
    ) -> transaction_pb2.TransactionInfo:
        """Tell what is queued."""
        return self._message(transactions.inspect(self._store, request.transaction.id))

    def DeleteTransaction(self, request: transaction_pb2.DeleteTransactionRequest, call: Call) -> Empty:
        """Forget what is queued."""
        transactions.delete(self._store, request.transaction.id)
        return Empty()

    def ListTransaction(
        self, request: transaction_pb2.ListTransactionRequest, call: Call
    ) -> transaction_pb2.TransactionInfos:
        """Tell about all that are not finished."""
        infos = transactions.list_transactions(self._store)
        return transaction_pb2.TransactionInfos(transaction_info=map(self._message, infos))

    def FinishTransaction(
        self, request: transaction_pb2.FinishTransactionRequest, call: Call
    ) -> transaction_pb2.TransactionInfo:
        """Do everything queued, as one change."""
        return self._message(transactions.finish(self._store, request.transaction.id, self._operations.encoded))

    def DeleteAll(self, request: transaction_pb2.DeleteAllRequest, call: Call) -> Empty:
        """Forget all transactions."""
        transactions.delete_all(self._store)
        return Empty()

    def _queued(self, request: transaction_pb2.TransactionRequest) -> transactions.Request:
        """Take the one change out of a request, kept as its field's name and its encoded message."""
        fields: Iterable[tuple[Any, Any]] = request.ListFields()
        changes = [(field.name, message) for field, message in fields]
        if len(changes) != 1:
            raise InvalidError("each request of a transaction must hold exactly one change")
        kind, message = changes[0]
        if kind not in self._operations.table:
            raise UnimplementedError(f"{kind} cannot be part of a transaction yet")
        return transactions.Request(kind, message.SerializeToString())

    def _message(self, info: transactions.TransactionInfo) -> transaction_pb2.TransactionInfo:
        message = transaction_pb2.TransactionInfo(
            transaction=transaction_pb2.Transaction(id=info.id),
            started=time_message(info.started),
            version=len(info.requests),
        )
        for request in info.requests:
            getattr(message.requests.add(), request.kind).ParseFromString(request.body)
        for request, body in zip(info.requests, info.responses, strict=False):
            response = message.responses.add()
            if self._operations.table[request.kind].response is pfs_pb2.Commit:
                response.commit.ParseFromString(body)
        return message
