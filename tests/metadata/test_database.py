"""Transactions: all or nothing, one writer at a time, effects after COMMIT only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from hathi.metadata.database import Database, Transaction
from hathi.metadata.tables.pfs import projects
from hathi.model.errors import InternalError, InvalidError


def add(tx: Transaction, name: str) -> None:
    tx.connection.execute(insert(projects).values(name=name, description="", created=tx.now))


def names(db: Database) -> list[str]:
    with db.read() as tx:
        return list(tx.connection.execute(select(projects.c.name).order_by(projects.c.name)).scalars())


def test_a_time_comes_back_as_it_went_in(db: Database) -> None:
    with db.write() as tx:
        add(tx, "p")
        now = tx.now
    with db.read() as tx:
        assert tx.connection.execute(select(projects.c.created).where(projects.c.name == "p")).scalar_one() == now


def test_what_was_committed_is_there_when_the_database_is_opened_again(
    url: str, open_database: Callable[[str], Database]
) -> None:
    with open_database(url).write() as tx:
        add(tx, "p")
    assert names(open_database(url)) == ["default", "p"]


def test_a_failure_undoes_everything_and_lets_nothing_out(db: Database) -> None:
    with db.feed.subscribe("") as subscription:
        with pytest.raises(RuntimeError), db.write() as tx:
            add(tx, "p")
            tx.emit("project/p")
            tx.after_commit(lambda: pytest.fail("ran"))
            raise RuntimeError
        assert subscription.wait(0) == set()
    assert names(db) == ["default"]


def test_a_failing_step_undoes_everything(db: Database) -> None:
    def step(tx: Transaction) -> None:
        raise InternalError("no")

    with pytest.raises(InternalError), db.write() as tx:
        add(tx, "p")
        tx.before_commit("check", 1, step)
    assert names(db) == ["default"]


def test_effects_leave_after_commit(db: Database) -> None:
    seen: list[list[str]] = []
    with db.feed.subscribe("project/") as subscription:
        with db.write() as tx:
            add(tx, "p")
            tx.emit("project/p")
            tx.emit("other")
            tx.after_commit(lambda: seen.append(names(db)))
            assert subscription.wait(0) == set()
        assert subscription.wait(0) == {"project/p"}
    assert seen == [["default", "p"]]


def test_steps_run_by_order_once_and_may_ask_for_more(db: Database) -> None:
    ran: list[str] = []

    def late(tx: Transaction) -> None:
        ran.append("late")

    def early(tx: Transaction) -> None:
        ran.append("early")
        tx.before_commit("middle", 2, lambda tx: ran.append("middle"))

    with db.write() as tx:
        tx.before_commit("late", 3, late)
        tx.before_commit("early", 1, early)
        tx.before_commit("early", 1, early)
    assert ran == ["early", "middle", "late"]


def test_a_transaction_draws_one_id_for_its_commits(db: Database) -> None:
    with db.write() as tx:
        assert tx.commit_set == tx.commit_set
        first = tx.commit_set
        tx.new_commit_set()
        assert tx.commit_set != first
    with db.write(first) as tx:
        assert tx.commit_set == first


def test_a_rehearsal_leaves_nothing(db: Database) -> None:
    ran: list[str] = []
    with db.write() as tx:
        with tx.rehearse() as inner:
            add(inner, "p")
            inner.before_commit("step", 1, lambda tx: ran.append("step"))
            inner.emit("project/p")
        assert ran == ["step"]
        assert tx.effects() == ((), ())
    assert names(db) == ["default"]


def test_a_failed_rehearsal_leaves_the_transaction_usable(db: Database) -> None:
    with db.write() as tx:
        with pytest.raises(RuntimeError), tx.rehearse() as inner:
            add(inner, "p")
            raise RuntimeError
        add(tx, "q")
    assert names(db) == ["default", "q"]


def test_a_reader_sees_one_moment(db: Database) -> None:
    with db.read() as tx:
        before = tx.connection.execute(select(projects.c.name)).all()
        writer = threading.Thread(target=lambda: add_one(db, "p"))
        writer.start()
        writer.join()
        assert tx.connection.execute(select(projects.c.name)).all() == before
    assert names(db) == ["default", "p"]


def add_one(db: Database, name: str) -> None:
    with db.write() as tx:
        add(tx, name)


def test_writers_of_many_threads_all_land(db: Database) -> None:
    threads = [threading.Thread(target=add_one, args=(db, f"p{n:02}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(db) == ["default", *(f"p{n:02}" for n in range(20))]


def test_a_write_inside_a_write_is_a_bug_not_a_deadlock(db: Database) -> None:
    with pytest.raises(InternalError, match="inside another"), db.write(), db.write():
        pass
    assert names(db) == ["default"]


def test_sqlite_is_told_to_be_careful(url: str) -> None:
    database = Database.open(url)
    with database.read() as tx:
        ask = tx.connection.exec_driver_sql
        assert ask("PRAGMA journal_mode").scalar() == "wal"
        assert ask("PRAGMA synchronous").scalar() == 2
        assert ask("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_postgres_behaves_alike(postgres: str, open_database: Callable[[str], Database]) -> None:
    one, two = open_database(postgres), open_database(postgres)
    with two.feed.subscribe("project/") as subscription:
        with one.write() as tx:
            tx.emit("project/p")
        assert subscription.wait(60) == {"project/p"}
    with pytest.raises(RuntimeError), one.write() as tx:
        add(tx, "p")
        raise RuntimeError
    assert names(one) == ["default"]


@pytest.mark.parametrize(
    ("url", "told"), [("nothing", "must look like"), ("mysql://u:secret@h/d", "of kind mysql are not served")]
)
def test_a_url_of_no_database_is_refused_without_repeating_it(url: str, told: str) -> None:
    with pytest.raises(InvalidError, match=told) as refusal:
        Database.open(url)
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_bytes(b"no database" * 100)
    with pytest.raises(InternalError, match=r"^the database refused: file is not a database$"):
        Database.open(f"sqlite:///{tmp_path / 'notes.db'}")
