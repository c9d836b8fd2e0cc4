"""Sets are handed out in order, shares are what the sets say, and neither costs more for a job with many sets."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from types import SimpleNamespace

import pytest
from databases import database_url, server
from visits import counting_steps

from hathi.metadata.database import Database
from hathi.metadata.tables.pps import SetKind, SetState
from hathi.model.ids import new_id
from hathi.model.pps import JobState, PipelineType
from hathi.model.references import Job, Pipeline
from hathi.pipelines.rows import jobs, pipelines, sets
from hathi.pipelines.rows.sets import NewSet
from hathi.pipelines.sharing import Part

PIPELINE = Pipeline("default", "p")


@pytest.fixture
def rows(tmp_path, clock):
    """A pipeline of version 1, and ways to add running jobs with sets."""
    db = Database.open(database_url(tmp_path / "hathi.db"), durable=False, clock=clock)
    with db.write() as tx:
        id = pipelines.insert_row(tx, PIPELINE, PipelineType.TRANSFORM)

    def add_job(*counts, kind=SetKind.RUN, stop=""):
        with db.write() as tx:
            row = pipelines.get(tx, PIPELINE)
            job = Job(PIPELINE, new_id())
            jobs.insert_row(tx, row, job.id, "master")
            jobs.change(tx, jobs.get(tx, job), state=JobState.RUNNING, started=tx.now, stop=stop)
            job_row = jobs.get(tx, job)
            sets.insert_rows(tx, job_row, [NewSet(seq, kind, count, b"") for seq, count in enumerate(counts)])
        return job_row

    def claim(worker="w", seconds=30):
        with db.write() as tx:
            row = sets.claimable(tx, id, 0)
            if row is not None:
                sets.claim(tx, row, new_id(), worker, tx.now + timedelta(seconds=seconds))
        return None if row is None else (row.job_id, row.seq)

    yield SimpleNamespace(db=db, id=id, clock=clock, add_job=add_job, claim=claim)
    db.close()


def row_of(tx, job, seq):
    return next(row for row in sets.list_rows(tx, job.id) if row.seq == seq)


def test_sets_are_claimed_in_the_order_of_jobs_and_plans_and_each_once(rows) -> None:
    one, two = rows.add_job(1, 1), rows.add_job(1)
    assert [rows.claim() for _ in range(4)] == [(one.id, 0), (one.id, 1), (two.id, 0), None]


def test_a_set_whose_worker_fell_silent_is_claimed_before_fresh_ones(rows) -> None:
    job = rows.add_job(1, 1, 1)
    rows.claim("silent", seconds=5)
    rows.claim("at work", seconds=500)
    with rows.db.read() as tx:
        assert sets.next_due(tx, rows.id, 0) == rows.clock.now + timedelta(seconds=5)
    rows.clock.advance(5)
    assert rows.claim() == (job.id, 0)


def test_a_set_that_rests_is_claimed_when_its_time_has_come(rows) -> None:
    job = rows.add_job(1, 1)
    rows.claim()
    with rows.db.write() as tx:
        sets.free(tx, row_of(tx, job, 0), not_before=rows.clock.now + timedelta(seconds=9))
    assert rows.claim() == (job.id, 1)
    assert rows.claim() is None
    rows.clock.advance(9)
    assert rows.claim() == (job.id, 0)


def test_no_set_of_a_job_that_shall_stop_is_claimed_also_one_that_is_planned_or_freed_later(rows) -> None:
    job = rows.add_job(1, 1, 1)
    rows.claim("w")
    with rows.db.write() as tx:
        sets.stop(tx, job.id)
        sets.extend(tx, row_of(tx, job, 0), tx.now, "", None)
    assert rows.claim() is None
    with rows.db.write() as tx:
        sets.free(tx, row_of(tx, job, 0))
    assert rows.claim() is None
    rows.add_job(1, stop="stopped")
    assert rows.claim() is None


def test_what_is_only_dropped_or_adopted_is_done_from_the_start(rows) -> None:
    job = rows.add_job(7, kind=SetKind.DROP)
    with rows.db.read() as tx:
        assert not sets.outstanding(tx, job.id)
        assert sets.parts(tx, job.id) == ([], 0)
    assert rows.claim() is None


def test_shares_are_what_the_sets_say_whatever_happens_to_them(rows) -> None:
    random = Random(7)
    job = rows.add_job(*(random.randint(1, 9) for _ in range(20)))
    for _ in range(200):
        with rows.db.write() as tx:
            present = sets.list_rows(tx, job.id)
            held = [row for row in present if row.state is SetState.CLAIMED]
            if not held or random.random() < 0.5:
                row = sets.claimable(tx, rows.id, 0)
                if row is not None:
                    sets.claim(tx, row, new_id(), f"w{random.randint(0, 3)}", tx.now + timedelta(seconds=3))
            elif random.random() < 0.5:
                sets.free(tx, random.choice(held))
            elif random.random() < 0.2:
                sets.finish(tx, random.choice(held), b"")
            rows.clock.advance(random.choice((0, 1)))
            present = sets.list_rows(tx, job.id)
            assert sets.parts(tx, job.id)[1] == sum(row.count for row in present if row.state is SetState.READY)
            assert set(sets.parts(tx, job.id)[0]) == expected_parts(present)
            assert sets.outstanding(tx, job.id) == any(row.state is not SetState.DONE for row in present)


def expected_parts(present):
    workers = {row.worker for row in present if row.worker}
    return {
        Part(
            worker,
            sum(row.count for row in present if row.worker == worker),
            any(row.worker == worker and row.state is SetState.CLAIMED for row in present),
        )
        for worker in workers
    }


@pytest.mark.skipif(bool(server()), reason="steps are counted in SQLite")
@pytest.mark.parametrize("operation", ["claim", "parts", "outstanding", "by_claim", "held", "finish", "payload"])
def test_no_step_of_a_set_costs_more_in_a_job_of_many_sets(rows, operation) -> None:
    def cost():
        with counting_steps(rows.db) as steps, rows.db.write() as tx:
            found = sets.claimable(tx, rows.id, 0)
            assert found is not None
            if operation == "claim":
                sets.next_due(tx, rows.id, 0)
                sets.claim(tx, found, new_id(), "w", tx.now)
            elif operation == "parts":
                sets.parts(tx, found.job_id)
            elif operation == "outstanding":
                sets.outstanding(tx, found.job_id)
            elif operation == "by_claim":
                sets.by_claim(tx, "none")
            elif operation == "held":
                sets.claimed(tx, rows.id)
                sets.held_by(tx, rows.id, "w")
                sets.claimed_of_jobs(tx, [found.job_id])
            elif operation == "payload":
                sets.payload(tx, found.job_id, found.seq)
            else:
                sets.finish(tx, found, b"")
        return steps.count

    def fill(number):
        """Add a job whose sets are done but for the last few."""
        job = rows.add_job(*(5 for _ in range(number)))
        with rows.db.write() as tx:
            for row in sets.list_rows(tx, job.id)[:-3]:
                sets.claim(tx, row, new_id(), f"w{row.seq % 5}", tx.now)
                sets.finish(tx, row, b"")

    fill(10)
    small = cost()
    with rows.db.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM datum_sets")
        tx.connection.exec_driver_sql("DELETE FROM job_shares")
    fill(10_000)
    assert cost() <= small * 1.5 + 50
