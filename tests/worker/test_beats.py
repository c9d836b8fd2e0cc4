from __future__ import annotations

import threading
from typing import Any

import pytest

from hathi.model.errors import InternalError, NotFoundError, UnavailableError
from hathi.worker.attempts import Stopped
from hathi.worker.beats import Beats
from hathi.worker.server import Beat

Rig = Any


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def beats(rig: Rig, clock: Clock) -> Beats:
    """Not entered: tests beat by hand."""
    rig.alive = True
    return Beats(rig.server, "claim", 30.0, lambda: rig.alive, clock)


def test_a_beat_tells_the_datum_at_hand_and_another_comes_soon(rig: Rig, beats: Beats) -> None:
    beats.watching("d", rig.sandbox)
    assert beats.beat() == 2.0
    assert rig.server.beats == [("claim", "d")]


def test_a_lost_claim_kills_the_run_and_stops_the_next(rig: Rig, beats: Beats) -> None:
    beats.watching("d", rig.sandbox)
    rig.server.answer = Beat(lost=True)
    beats.beat()
    assert rig.sandbox.killed.is_set()
    with pytest.raises(Stopped):
        beats.released()
    with pytest.raises(Stopped):
        beats.watching("e", rig.sandbox)


def test_a_process_that_was_taken_for_dead_has_lost_its_claim(rig: Rig, beats: Beats) -> None:
    rig.alive = False
    beats.beat()
    assert beats.lost


def test_a_claim_that_the_server_does_not_know_is_lost(rig: Rig, beats: Beats) -> None:
    def unknown(*_: object) -> Beat:
        raise NotFoundError("no such claim")

    rig.server.beat = unknown
    beats.beat()
    assert beats.lost


def test_a_cancelled_datum_is_killed_and_tried_again(rig: Rig, beats: Beats) -> None:
    beats.watching("d", rig.sandbox)
    rig.server.answer = Beat(cancelled=frozenset({"d"}))
    beats.beat()
    assert rig.sandbox.killed.is_set()
    assert beats.released()
    assert not beats.lost


def test_another_datums_cancellation_changes_nothing(rig: Rig, beats: Beats) -> None:
    beats.watching("d", rig.sandbox)
    rig.server.answer = Beat(cancelled=frozenset({"e"}))
    beats.beat()
    assert not rig.sandbox.killed.is_set()
    assert not beats.released()


def test_an_outage_is_survived_for_the_life_of_the_claim(rig: Rig, beats: Beats, clock: Clock) -> None:
    rig.server.outage = 3
    clock.now = 29.0
    beats.beat()
    assert not beats.lost
    clock.now = 31.0
    beats.beat()
    assert beats.lost


@pytest.mark.parametrize(
    "error", [InternalError("the database refused"), UnavailableError("overloaded"), KeyError("x")], ids=repr
)
def test_no_error_but_the_loss_itself_ends_what_runs(rig: Rig, beats: Beats, clock: Clock, error: Exception) -> None:
    def fails(*_: object) -> Beat:
        raise error

    serve, rig.server.beat = rig.server.beat, fails
    beats.watching("d", rig.sandbox)
    for _ in range(10):
        clock.now += 2.9
        assert beats.beat() == 0.5
    assert not beats.lost and not rig.sandbox.killed.is_set()
    rig.server.beat = serve
    beats.beat()
    clock.now += 29.0
    rig.server.beat = fails
    beats.beat()
    assert not beats.lost
    clock.now += 2.0
    beats.beat()
    assert beats.lost and rig.sandbox.killed.is_set()


def test_no_exception_ends_the_thread_that_beats(rig: Rig, beats: Beats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hathi.worker.beats.BEAT_SECONDS", 0.001)
    monkeypatch.setattr("hathi.worker.beats.RETRY_SECONDS", 0.001)
    beat, errors, again = beats.beat, iter([KeyError("x"), MemoryError()]), threading.Event()

    def fails() -> float:
        for error in errors:
            raise error
        again.set()
        return beat()

    monkeypatch.setattr(beats, "beat", fails)
    with beats:
        assert again.wait(60)
