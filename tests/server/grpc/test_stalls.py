"""Calls that wait too long for their client are ended, and no others."""

from __future__ import annotations

from contextlib import ExitStack

import grpc
import pytest

from hathi.server.grpc.stalls import Stalls, StreamLimits, Track

LIMITS = StreamLimits(first=10, idle=100, total=1000, crowded_first=2, crowded_idle=20)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watch:
    """Stalls under a clock of our own; `ended` holds the names of calls that were ended, with the texts."""

    def __init__(self, calls: ExitStack) -> None:
        self.clock = Clock()
        self.stalls = Stalls(LIMITS, self.clock)
        self.ended: dict[str, str] = {}
        self._calls = calls
        calls.callback(self.stalls.close)
        self.stalls._thread = object()  # looks are ours

    def call(self, name: str, kind: str = "uploads", peer: str = "a") -> Track:
        def end(code: grpc.StatusCode, text: str) -> None:
            assert code is grpc.StatusCode.ABORTED
            self.ended[name] = text

        track = Track(end, self.clock)
        self._calls.enter_context(self.stalls.watched(kind, peer, track))
        return track

    def after(self, seconds: float) -> None:
        self.clock.now += seconds
        self.stalls.end_overdue()


@pytest.fixture
def watch():
    with ExitStack() as calls:
        yield Watch(calls)


def test_a_call_whose_first_message_does_not_come_is_ended(watch) -> None:
    watch.call("silent").block()
    watch.after(9)
    assert not watch.ended
    watch.after(2)
    assert watch.ended == {"silent": "the call was ended: its first message did not come for 10 s"}


def test_a_stream_may_pause_longer_between_messages_than_before_the_first(watch) -> None:
    track = watch.call("slow")
    track.block()
    track.unblock()
    track.block()
    watch.after(99)
    assert not watch.ended
    watch.after(2)
    assert watch.ended == {"slow": "the call was ended: the stream was idle for 100 s"}


def test_a_call_that_is_busy_on_our_side_is_never_idle(watch) -> None:
    track = watch.call("busy", kind="waits")
    track.block()
    track.unblock()
    watch.after(10_000)
    assert not watch.ended


def test_each_message_begins_the_time_anew(watch) -> None:
    track = watch.call("steady")
    for _ in range(9):
        track.block()
        watch.after(9)
        track.unblock()
    assert not watch.ended


def test_uploads_have_a_limit_in_all_and_followers_have_none(watch) -> None:
    for kind in ("uploads", "waits"):
        track = watch.call(kind, kind=kind)
        track.block()
        track.unblock()
    watch.after(1001)
    assert watch.ended == {"uploads": "the call was ended: it took longer than 1000 s"}


def test_room_is_made_by_the_longest_idle_call_of_the_connection_with_most(watch) -> None:
    watch.call("alone", peer="b").block()
    watch.clock.now += 1
    for name in ("first", "second"):
        watch.call(name).block()
        watch.clock.now += 1
    watch.call("other", kind="downloads").block()
    watch.clock.now += 3
    assert watch.stalls.make_room("uploads", "new")
    assert list(watch.ended) == ["first"]
    assert "too many uploads are open" in watch.ended["first"]


def test_no_call_makes_room_that_has_only_just_begun_to_wait(watch) -> None:
    track = watch.call("active")
    track.block()
    watch.clock.now += 1
    assert not watch.stalls.make_room("uploads", "new")
    track.unblock()
    track.block()
    watch.clock.now += 19
    assert not watch.stalls.make_room("uploads", "new")


def test_a_call_is_ended_once(watch) -> None:
    watch.call("silent").block()
    watch.after(11)
    watch.ended.clear()
    watch.after(11)
    assert not watch.ended


def test_nobody_looks_while_no_call_is_open() -> None:
    assert Stalls(LIMITS).end_overdue() is None


def test_a_connection_is_silent_whose_calls_send_no_first_message(watch) -> None:
    track = watch.call("silent")
    track.block()
    watch.clock.now += 0.5
    assert not watch.stalls.silent("uploads", "a")
    watch.clock.now += 1
    assert watch.stalls.silent("uploads", "a")
    assert not watch.stalls.silent("uploads", "b")
    assert not watch.stalls.silent("downloads", "a")
    track.unblock()
    track.block()
    watch.clock.now += 5
    assert not watch.stalls.silent("uploads", "a")


def test_a_connection_with_many_idle_calls_makes_room_sooner_than_one_with_one(watch) -> None:
    tracks = [watch.call("alone", peer="b"), *(watch.call(f"one of {n}") for n in range(3))]
    for track in tracks:
        track.block()
        track.unblock()
        track.block()
    watch.clock.now += 3
    assert not watch.stalls.make_room("uploads", "a"), "not for one of its own"
    assert watch.stalls.make_room("uploads", "new")
    assert watch.stalls.make_room("uploads", "new")
    assert all(name.startswith("one of") for name in watch.ended)
    assert not watch.stalls.make_room("uploads", "new")
