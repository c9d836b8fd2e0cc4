"""One call: what its metadata say, whether its client is still there, and whether it may wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from hathi.server.grpc.admission import Admission, CallClass
from hathi.versioning.errors import WaitEnded
from hathi.wire.client import TOKEN_KEY, TRANSACTION_KEY

MOMENTS = 0.005
"""Seconds within which gRPC tells that a stream ended because its client died (measured: mostly below one ms)."""


class Call:
    """A call that is being served."""

    def __init__(self, context: Any, admission: Admission, kind: CallClass) -> None:
        """context: gRPC's ServicerContext. kind: the class of its method."""
        self._context = context
        self._admission = admission
        self._kind = kind

    @property
    def transaction(self) -> str:
        """Id of the transaction that the client has active, or ""."""
        for key, value in self._context.invocation_metadata():
            if key == TRANSACTION_KEY:
                return str(value)
        return ""

    @property
    def token(self) -> str:
        """The token that the client sent, or ""."""
        for key, value in self._context.invocation_metadata():
            if key == TOKEN_KEY:
                return str(value)
        return ""

    def cancelled(self) -> bool:
        """Return whether nobody waits for the answer any more: the client left, or the server stops."""
        return self._admission.stopping or not self._context.is_active()

    def on_leave(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from another thread, once `cancelled` has become true. It may be called more than once."""
        forget = self._admission.add_wake(wake)

        def left() -> None:
            forget()
            wake()

        if not self._context.add_callback(left):
            left()

    def confirm_end(self) -> None:
        """Return when the stream of requests ended because the client ended it; WaitEnded when the client died.

        gRPC shows both as the end of the stream, and tells of a death only moments later. What is named after this
        should ask `cancelled` once more before it is committed.
        """
        left = threading.Event()
        self.on_leave(left.set)
        if left.wait(MOMENTS) or self.cancelled():
            raise WaitEnded

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the block as one that waits; ExhaustedError when too many do already."""
        with self._admission.waiting(self._kind, self._context.peer()):
            yield


def end_call(context: Any, code: grpc.StatusCode, text: str) -> None:
    """End a call from another thread than the one that serves it.

    gRPC's public interface has only a way that loses the text; the call beneath it has one that keeps it.
    """
    try:
        context._rpc_event.call.cancel(code.value[0], text)
    except (AttributeError, TypeError):
        context.cancel()
