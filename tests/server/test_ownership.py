"""One pachd at a time works on a database: the living keep it, the dead are replaced, the unsure write nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import database_url

from hathi.metadata import installation
from hathi.metadata.database import Database
from hathi.metadata.installation import Owner
from hathi.model.errors import PreconditionError, UnavailableError
from hathi.server import ownership
from hathi.server.ownership import FENCE_SECONDS, LEASE_SECONDS, Ownership, describe, is_dead, process_began
from hathi.supervision import Supervisor

ELSEWHERE = Owner("o" * 32, "far", "another boot", "pid:[1]", 7, 70, "/data", "9:9")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(database_url(tmp_path / "hathi.db"), durable=False)
    with database.write() as tx:
        installation.create(tx, "c" * 32, "/objects")
    yield database
    database.close()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def hold(db: Database, clock: Clock, tmp_path: Path, told: list[str]) -> Iterator[Callable[..., Ownership]]:
    """Makes holds whose heartbeats are sent by hand."""
    made: list[Ownership] = []

    def make(pause: Callable[[float], object] = clock.advance) -> Ownership:
        made.append(Ownership(db, tmp_path, Supervisor(), told.append, clock=clock, pause=pause))
        return made[-1]

    yield make
    db.fence = lambda: None


def owner(db: Database) -> Owner | None:
    with db.read() as tx:
        row = installation.find(tx)
    assert row is not None
    return row.owner


def give_to(db: Database, other: Owner) -> None:
    db.fence = lambda: None
    with db.write() as tx:
        installation.take(tx, other)


def test_a_free_database_is_taken_and_let_go(db: Database, hold: Callable[..., Ownership]) -> None:
    mine = hold()
    mine.start()
    assert owner(db) == mine.owner
    mine.stop()
    assert owner(db) is None


def test_a_holder_whose_heart_beats_is_named_and_left_alone(db: Database, hold: Callable[..., Ownership]) -> None:
    give_to(db, ELSEWHERE)

    def beats(seconds: float) -> None:
        assert db.at_once(installation.BEAT, {"holder": ELSEWHERE.id})

    with pytest.raises(PreconditionError, match=r"in use by pachd on far \(process 7, root folder /data\)"):
        hold(pause=beats).start()
    assert owner(db) == ELSEWHERE


def test_a_holder_that_cannot_be_seen_is_replaced_after_its_lease(
    db: Database, hold: Callable[..., Ownership], clock: Clock
) -> None:
    give_to(db, ELSEWHERE)
    began, mine = clock(), hold()
    mine.start()
    assert owner(db) == mine.owner
    assert LEASE_SECONDS <= clock() - began <= LEASE_SECONDS + 1
    mine.stop()


def test_a_holder_whose_process_is_gone_is_replaced_at_once(
    db: Database, hold: Callable[..., Ownership], clock: Clock, tmp_path: Path
) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    began = process_began(process.pid)
    process.wait(60)
    here = describe(tmp_path)
    give_to(db, dataclasses.replace(here, id="o" * 32, pid=process.pid, began=began, folder="0:0"))
    before, mine = clock(), hold(pause=lambda seconds: pytest.fail("it waited"))
    mine.start()
    assert clock() == before and owner(db) == mine.owner
    mine.stop()


def test_who_is_surely_dead_and_who_may_live(tmp_path: Path) -> None:
    me = describe(tmp_path)
    other = dataclasses.replace(me, id="o" * 32, folder="0:0", pid=7, began=70)
    began = {7: 70}
    alive = lambda pid: began.get(pid, 0)  # noqa: E731
    assert not is_dead(other, me, alive)
    assert is_dead(dataclasses.replace(other, began=69), me, alive), "another process has that number now"
    assert is_dead(dataclasses.replace(other, pid=8), me, alive)
    assert is_dead(dataclasses.replace(other, folder=me.folder), me, alive), "we have its lock"
    for unknown in ({"boot": "x"}, {"pid_space": "x"}, {"pid_space": "", "pid": 8}, {"began": 0, "pid": 8}):
        assert not is_dead(dataclasses.replace(other, **unknown), me, alive), unknown  # type: ignore[arg-type]
    assert not is_dead(dataclasses.replace(other, folder=me.folder, boot="x"), me, alive), "a folder of another machine"


def test_a_process_is_known_by_when_it_began() -> None:
    assert process_began(os.getpid()) > 0
    assert process_began(2**22 + 1) == 0


def test_who_could_not_renew_for_long_writes_nothing_until_it_has(
    db: Database, hold: Callable[..., Ownership], clock: Clock
) -> None:
    mine = hold()
    mine.start()
    clock.advance(FENCE_SECONDS - 1)
    with db.write():
        pass
    clock.advance(2)
    with pytest.raises(UnavailableError, match="could not renew"), db.write():
        pytest.fail("it wrote")
    mine.beat()
    with db.write():
        pass
    mine.stop()


def test_a_transaction_that_outlives_the_hold_is_not_committed(
    db: Database, hold: Callable[..., Ownership], clock: Clock
) -> None:
    mine = hold()
    mine.start()
    with pytest.raises(UnavailableError, match="could not renew"), db.write() as tx:
        installation.move(tx, "/elsewhere")
        clock.advance(FENCE_SECONDS + 1)
    with db.read() as tx:
        row = installation.find(tx)
    assert row is not None and row.location == "/objects"
    mine.beat()
    mine.stop()


def test_who_was_replaced_is_told_once_and_writes_nothing_any_more(
    db: Database, hold: Callable[..., Ownership], told: list[str]
) -> None:
    mine = hold()
    mine.start()
    fence = db.fence
    give_to(db, ELSEWHERE)
    db.fence = fence
    for _ in range(3):
        mine.beat()
    assert len(told) == 1 and "pachd on far" in told[0] and "taken over" in told[0]
    with pytest.raises(UnavailableError, match="taken over"), db.write():
        pytest.fail("it wrote")
    mine.stop()
    assert owner(db) == ELSEWHERE


def test_heartbeats_do_not_wait_for_writers(db: Database, hold: Callable[..., Ownership]) -> None:
    if not db.postgres:
        pytest.skip("SQLite lets one writer in, whoever it is; its database is held by the lock of the root folder")
    mine = hold()
    mine.start()
    with db.write():
        mine.beat()
    mine.stop()


def test_the_fence_comes_before_the_lease_ends() -> None:
    assert ownership.BEAT_SECONDS * 3 < FENCE_SECONDS < LEASE_SECONDS - ownership.BEAT_SECONDS
