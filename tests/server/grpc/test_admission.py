"""Which class a call belongs to, and how many of a class are admitted."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest

from hathi.model.errors import ExhaustedError, InternalError, UnavailableError
from hathi.server.grpc import admission as module
from hathi.server.grpc.admission import (
    CLASSES,
    CONTROL,
    DOWNLOADS,
    HEALTH,
    LISTINGS,
    UPLOADS,
    WAITS,
    WORKER_WAITS,
    WORKERS,
    Admission,
    class_of,
)
from hathi.server.grpc.serving import STREAMS
from hathi.server.grpc.stalls import StreamLimits, Track
from hathi.wire.gen import hathi_pb2, health_pb2, pfs_pb2, pps_pb2

FILES = (hathi_pb2, health_pb2, pfs_pb2, pps_pb2)


def track(ended=None) -> Track:
    return Track(lambda code, text: (ended if ended is not None else []).append(text))


def small(kind, **limits) -> Admission:
    return Admission(tuple(replace(one, **limits) if one is kind else one for one in CLASSES))


def test_every_method_has_the_class_of_what_it_does() -> None:
    def found(name, client=False, server=False):
        return class_of(name, client_streaming=client, server_streaming=server)

    assert found("grpc.health.v1.Health/Check") is HEALTH
    assert found("pfs_v2.API/ModifyFile", client=True) is UPLOADS
    assert found("hathi_v1.Files/Put", client=True) is UPLOADS
    assert found("pfs_v2.API/GetFile", server=True) is DOWNLOADS
    assert found("pps_v2.API/GetLogs", server=True) is WAITS
    assert found("pfs_v2.API/ListRepo", server=True) is LISTINGS
    assert found("pfs_v2.API/CreateRepo") is CONTROL
    assert found("hathi_v1.Workers/Beat") is WORKERS
    assert found("hathi_v1.Workers/Claim") is WORKER_WAITS


def test_the_table_of_methods_names_none_that_does_not_exist() -> None:
    known = {
        f"{service.full_name}/{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(module._METHODS) <= known


def test_a_connection_may_have_more_streams_than_all_classes_give_it() -> None:
    assert sum(kind.share + kind.waits_share for kind in CLASSES) < STREAMS


def test_one_connection_cannot_take_a_whole_class() -> None:
    for kind in CLASSES:
        assert kind.share < kind.limit
        assert kind.waits_share <= kind.waits * 2 / 3


def test_uploads_beyond_the_limit_are_refused_and_others_are_admitted() -> None:
    admission = small(UPLOADS, limit=2, share=2)
    with admission.working(UPLOADS, "a", track()), admission.working(UPLOADS, "b", track()):
        with pytest.raises(ExhaustedError, match=r"too many uploads at a time: the limit is 2"):
            admission.working(UPLOADS, "c", track()).__enter__()
        with admission.working(CONTROL, "a", track()), admission.working(HEALTH, "a", track()):
            pass
    with admission.working(UPLOADS, "c", track()):
        pass


def test_a_connection_has_its_share_and_leaves_the_rest_to_others() -> None:
    admission = small(UPLOADS, limit=3, share=2)
    with admission.working(UPLOADS, "a", track()), admission.working(UPLOADS, "a", track()):
        with pytest.raises(ExhaustedError, match=r"on one connection: the limit is 2"):
            admission.working(UPLOADS, "a", track()).__enter__()
        with admission.working(UPLOADS, "b", track()):
            pass


def test_a_call_that_failed_gives_its_place_back() -> None:
    admission = small(UPLOADS, limit=1, share=1)
    with pytest.raises(ValueError, match="oops"), admission.working(UPLOADS, "a", track()):
        raise ValueError("oops")
    with admission.working(UPLOADS, "a", track()):
        pass


def test_short_calls_beyond_their_share_wait_for_their_turn() -> None:
    admission = small(CONTROL, limit=2, share=1)
    order: list[str] = []

    def second() -> None:
        with admission.working(CONTROL, "a", track()):
            order.append("second")

    with admission.working(CONTROL, "a", track()):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_a_full_class_ends_the_call_that_only_waits_for_its_client(monkeypatch) -> None:
    monkeypatch.setattr(module, "ROOM_SECONDS", 60)
    limits = StreamLimits(crowded_first=-1.0)
    admission = Admission(tuple(replace(one, limit=2, share=2) if one is UPLOADS else one for one in CLASSES), limits)
    ended: list[str] = []
    with ExitStack() as idle:
        idle.enter_context(admission.working(UPLOADS, "a", track()))
        silent = Track(lambda code, text: (ended.append(text), stack.close()))
        stack = ExitStack()  # closed when the call is ended, as its handler would
        stack.enter_context(admission.working(UPLOADS, "b", silent))
        silent.block()
        with admission.working(UPLOADS, "c", track()):
            assert "too many uploads" in ended[0]


def test_waiting_calls_have_a_limit_of_their_own_for_all_and_for_a_connection() -> None:
    admission = small(WAITS, waits=2, waits_share=1)
    with ExitStack() as held:
        for peer in "ab":
            held.enter_context(admission.working(WAITS, peer, track()))
            held.enter_context(admission.waiting(WAITS, peer))
        for peer, limit in (("c", 2), ("a", 1)):
            held.enter_context(admission.working(WAITS, peer, track()))
            with pytest.raises(ExhaustedError, match=f"the limit is {limit}"), admission.waiting(WAITS, peer):
                pass
    with admission.working(WAITS, "c", track()), admission.waiting(WAITS, "c"):
        pass


def test_a_call_that_waits_does_not_count_as_one_at_work() -> None:
    admission = small(WAITS, limit=1, share=1)
    with ExitStack() as held:
        held.enter_context(admission.working(WAITS, "a", track()))
        held.enter_context(admission.waiting(WAITS, "a"))
        held.enter_context(admission.working(WAITS, "a", track()))


def test_only_methods_of_a_waiting_class_may_wait() -> None:
    admission = Admission()
    with pytest.raises(InternalError, match="another class"), admission.waiting(CONTROL, "a"):
        pass


def test_what_is_left_at_work_is_told_by_class() -> None:
    admission = Admission()
    assert admission.wait_for_quiet(0) == ""
    with admission.working(UPLOADS, "a", track()):
        assert admission.wait_for_quiet(0) == "1 uploads"


def test_a_worker_that_is_one_too_many_asks_again() -> None:
    """It ends when it is refused for good."""
    admission = small(WORKER_WAITS, waits=1, waits_share=1)
    with ExitStack() as held:
        held.enter_context(admission.working(WORKER_WAITS, "a", track()))
        held.enter_context(admission.waiting(WORKER_WAITS, "a"))
        held.enter_context(admission.working(WORKER_WAITS, "b", track()))
        with pytest.raises(UnavailableError, match="the limit is 1"), admission.waiting(WORKER_WAITS, "b"):
            pass
