"""Collections run one at a time, in slices; who asks for one waits for one that began afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta

import pytest

from hathi.model.errors import InternalError, UnavailableError
from hathi.model.packs import Usage
from hathi.storage.garbage.collection import Outcome, Phase
from hathi.storage.garbage.plan import Plan
from hathi.storage.garbage.schedule import Scheduler, State, due

HOUR = timedelta(hours=1)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
OUTCOME = Outcome(Plan((), (), 0, 0, 0), freed=7)


class FakeCollection:
    """Takes the steps it is told to."""

    def __init__(self, phases: list[Phase | Exception]) -> None:
        self.phases = phases
        self.outcome: Outcome | None = None
        self.given_up = 0

    def steps(self) -> Generator[Phase]:
        for phase in self.phases:
            if isinstance(phase, Exception):
                raise phase
            yield phase
        self.outcome = OUTCOME

    def give_up(self) -> None:
        self.given_up += 1


class Scene:
    """A scheduler whose collections, due times and clock are set by the test; a step takes a second."""

    def __init__(self) -> None:
        self.due = False
        self.begun: list[FakeCollection] = []
        self.phases: list[Phase | Exception] = [Phase.MARKING, Phase.DELETING]
        self.done: list[Outcome] = []
        self.now = 0.0
        self.scheduler = Scheduler(
            self.begin, lambda: self.due, self.done.append, clock=self.clock, slice_seconds=2.0
        )  # fmt: skip

    def begin(self) -> FakeCollection:
        self.begun.append(FakeCollection(list(self.phases)))
        return self.begun[-1]

    def clock(self) -> float:
        self.now += 1
        return self.now

    def ticks(self, until: Callable[[], bool], most: int = 100) -> int:
        for number in range(most):
            if until():
                return number
            self.scheduler.tick()
        raise AssertionError("it does not end")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_nothing_happens_until_one_is_due_or_asked_for(scene) -> None:
    assert not scene.scheduler.tick() and not scene.begun
    scene.due = True
    scene.scheduler.tick()
    assert len(scene.begun) == 1


def test_a_slice_is_short_and_the_rest_is_done_by_later_ones(scene) -> None:
    scene.phases = [Phase.MARKING] * 20
    scene.scheduler.request()
    assert scene.scheduler.tick(), "somebody waits, so the next slice follows at once"
    assert scene.ticks(lambda: scene.scheduler.state.ended == 1) > 5
    assert scene.done == [OUTCOME] and scene.scheduler.state.outcome == OUTCOME


def test_in_the_background_slices_leave_room_for_others(scene) -> None:
    scene.phases, scene.due = [Phase.MARKING] * 20, True
    assert not scene.scheduler.tick() and scene.scheduler.state.phase is Phase.MARKING
    short = scene.now
    scene.scheduler.request()  # one after this, so the one at work is wanted ended
    scene.scheduler.tick()
    assert scene.now - short >= short


def test_waiting_ends_a_slice_and_holds_no_thread(scene) -> None:
    scene.phases = [Phase.WAITING, Phase.WAITING]
    scene.scheduler.request()
    assert not scene.scheduler.tick() and scene.now == 1.0
    assert scene.scheduler.state.phase is Phase.WAITING


def test_who_asks_while_one_is_at_work_waits_for_the_next(scene) -> None:
    scene.phases = [Phase.WAITING, Phase.DELETING]
    scene.due = True
    scene.scheduler.tick()
    scene.due = False
    number = scene.scheduler.request()
    assert number == 2 and scene.scheduler.request() == 2
    scene.ticks(lambda: scene.scheduler.state.ended >= number)
    assert len(scene.begun) == 2
    *_, last = scene.scheduler.follow(number, 0, lambda: False)
    assert last == State(begun=2, ended=2, outcome=OUTCOME)


def test_a_follower_sees_each_phase_and_may_leave(scene) -> None:
    scene.phases = [Phase.WAITING] * 3
    number = scene.scheduler.request()
    states = scene.scheduler.follow(number, 0, lambda: False)
    assert next(states).phase is None
    scene.scheduler.tick()
    assert next(states).phase is Phase.WAITING
    assert list(scene.scheduler.follow(number, 0, lambda: True)) == []


def test_a_follower_who_is_cancelled_leaves_at_once_when_nudged(scene) -> None:
    left = threading.Event()
    seen: list[State] = []
    number = scene.scheduler.request()
    follower = threading.Thread(target=lambda: seen.extend(scene.scheduler.follow(number, 3600, left.is_set)))
    follower.start()
    left.set()
    while follower.is_alive():
        scene.scheduler.nudge()
        follower.join(0.01)
    assert all(state.ended == 0 for state in seen)


def test_one_that_fails_is_given_up_told_and_begun_again(scene) -> None:
    scene.phases = [Phase.MARKING, UnavailableError("the store is away")]
    number = scene.scheduler.request()
    with pytest.raises(UnavailableError):
        scene.scheduler.tick()
    assert scene.begun[0].given_up == 1
    with pytest.raises(InternalError, match="the store is away"):
        list(scene.scheduler.follow(number, 0, lambda: False))
    scene.phases = []
    again = scene.scheduler.request()
    scene.ticks(lambda: scene.scheduler.state.ended == again)
    *_, last = scene.scheduler.follow(again, 0, lambda: False)
    assert last.outcome == OUTCOME


def test_closing_gives_up_what_is_at_work(scene) -> None:
    scene.scheduler.close()
    scene.phases = [Phase.WAITING]
    number = scene.scheduler.request()
    scene.scheduler.tick()
    scene.scheduler.close()
    assert scene.begun[0].given_up == 1
    with pytest.raises(InternalError, match="the server stops"):
        list(scene.scheduler.follow(number, 0, lambda: False))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(stored=0), False),
        (Usage(stored=1, changed=True), True),
        (Usage(stored=1000, changed=False, measured=NOW - 9 * HOUR), False),
        (Usage(stored=1000, changed=True, measured=NOW - HOUR), True),
        (Usage(stored=1000, changed=True, measured=NOW - HOUR / 2), False),
        (Usage(stored=1000, unused=49, changed=True, measured=NOW - HOUR / 2), False),
        (Usage(stored=1000, unused=50, changed=True, measured=NOW - HOUR / 2), True),
        (Usage(stored=1000, unused=50, changed=True, measured=NOW - timedelta(seconds=1)), False),
        (Usage(stored=1 << 50, unused=1 << 30, changed=True, measured=NOW - HOUR / 2), True),
    ],
)
def test_one_is_due_when_enough_is_likely_to_come_free_or_time_has_passed(usage: Usage, expected: bool) -> None:
    assert due(usage, NOW, HOUR) is expected
    assert not due(usage, NOW, timedelta(0))
