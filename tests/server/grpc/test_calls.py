"""When waiting ends."""

from __future__ import annotations

from hathi.server.grpc.admission import WAITS, Admission
from hathi.server.grpc.calls import Call
from hathi.server.grpc.paging import page


class Context:
    """A gRPC context whose client can be made to leave."""

    def __init__(self, metadata=()):
        self.active = True
        self.callbacks = []
        self.metadata = metadata

    def invocation_metadata(self):
        return self.metadata

    def is_active(self):
        return self.active

    def add_callback(self, callback):
        if self.active:
            self.callbacks.append(callback)
        return self.active

    def leave(self):
        self.active = False
        for callback in self.callbacks:
            callback()


def test_a_wait_is_woken_when_its_client_leaves() -> None:
    context, woken = Context(), []
    call = Call(context, Admission(), WAITS)
    call.on_leave(lambda: woken.append(call.cancelled()))
    assert not call.cancelled()
    context.leave()
    assert woken == [True]


def test_a_wait_of_a_client_that_left_already_is_woken_at_once() -> None:
    context, woken = Context(), []
    context.leave()
    Call(context, Admission(), WAITS).on_leave(lambda: woken.append(True))
    assert woken


def test_a_stopping_server_wakes_every_wait_also_later_ones() -> None:
    admission, woken = Admission(), []
    call = Call(Context(), admission, WAITS)
    call.on_leave(lambda: woken.append("early"))
    admission.stop()
    call.on_leave(lambda: woken.append("late"))
    assert woken == ["early", "late"]
    assert call.cancelled()


def test_the_active_transaction_stands_in_the_metadata() -> None:
    assert Call(Context([("pach-transaction", "t1")]), Admission(), WAITS).transaction == "t1"
    assert Call(Context(), Admission(), WAITS).transaction == ""


def test_pages() -> None:
    assert list(page(range(5), 2, 1)) == [2, 3]
    assert list(page(range(5), 2, 2)) == [4]
    assert list(page(range(5), 0, 7)) == [0, 1, 2, 3, 4]
