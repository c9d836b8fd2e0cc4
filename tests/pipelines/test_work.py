"""Claims are leases, reports are taken once, and errors of the machinery are not errors of the datums."""

from __future__ import annotations

import threading

import pytest

from hathi.metadata.ledger import LeaseLapsed
from hathi.model.packs import PackRecord
from hathi.model.pps import JobState, Stats
from hathi.model.references import Pipeline
from hathi.pipelines import definitions, ending, jobs, work
from hathi.pipelines.rows.pipelines import PipelineNotFound
from hathi.pipelines.waiting import WaitEnded

GROUP = "default/copy/v1"
COPY = Pipeline("default", "copy")


@pytest.fixture
def planned(world):
    """A world in which the job of `copy` has two sets of one datum each."""
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy", parallelism_spec={"constant": 2})
    world.controllers.settle()
    return world


def the_job(world):
    [job] = world.jobs("copy")
    return job


def test_a_claim_tells_all_that_running_it_needs(planned):
    claim = planned.claim(GROUP)
    [datum] = claim.datums
    assert claim.job == the_job(planned).job
    assert claim.transform["cmd"] == ["true"]
    assert (claim.datum_tries, claim.datum_timeout, claim.output_branch, claim.version) == (3, 0.0, "master", 1)
    assert set(claim.roots) == {str(datum.inputs[0].commit)}


def test_two_workers_get_different_sets_and_a_third_none(planned):
    one, two = planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    assert {one.datums[0].inputs[0].path, two.datums[0].inputs[0].path} == {"/a", "/b"}
    assert planned.claim(GROUP, "three") is None


def test_a_claim_of_a_silent_worker_goes_to_another_and_its_report_is_refused(planned):
    first = planned.claim(GROUP, "one")
    planned.claim(GROUP, "two")
    planned.clock.advance(work.CLAIM_SECONDS)
    second = planned.claim(GROUP, "three")
    assert second.datums == first.datums
    assert work.beat(planned.store, first.id, "one").lost
    assert not planned.report(first, "one")
    assert planned.report(second, "three")


def test_what_a_dead_worker_held_is_handed_out_at_once(planned):
    first, second = planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    planned.runtime.living(GROUP, "two", "three")
    planned.controllers.settle()
    again = planned.claim(GROUP, "three")
    assert again.datums == first.datums
    assert planned.report(again, "three") and planned.report(second, "two")
    assert not planned.report(first, "one")


def test_where_a_runtime_cannot_tell_who_lives_claims_lapse_by_time_alone(planned):
    planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    planned.runtime.become_ready(GROUP)
    planned.controllers.settle()
    assert planned.claim(GROUP, "three") is None


def test_after_a_restart_of_the_server_every_set_is_handed_out_again(planned):
    planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    planned.crash()
    planned.controllers.settle()
    assert planned.claim(GROUP, "three") and planned.claim(GROUP, "four")


def test_a_worker_that_asks_again_gives_back_what_it_held(planned):
    first, _ = planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    again = planned.claim(GROUP, "one")
    assert again.datums == first.datums and again.id != first.id
    assert not planned.report(first, "one")
    assert planned.report(again, "one")


def test_dead_workers_are_known_by_name_only_within_their_pipeline(planned):
    planned.pipeline("other")
    claim = planned.claim(GROUP, "one")
    planned.controllers.settle()
    planned.runtime.living("default/other/v1")
    planned.controllers.settle()
    assert planned.report(claim, "one")


def test_beats_keep_a_claim_and_tell_what_its_worker_does(planned):
    claim = planned.claim(GROUP, "one")
    planned.claim(GROUP, "two")
    for _ in range(3):
        planned.clock.advance(work.CLAIM_SECONDS - 1)
        assert not work.beat(planned.store, claim.id, "one", datum=claim.datums[0].id, running_seconds=5).lost
    [worker] = [one for one in the_job(planned).workers if one.id == "one"]
    assert worker.datum == claim.datums[0].id
    assert (planned.clock() - worker.started).total_seconds() == 5


def test_most_beats_change_nothing_and_so_only_read(planned, monkeypatch):
    claim = planned.claim(GROUP, "one")
    written, write = [], planned.db.write
    monkeypatch.setattr(planned.db, "write", lambda: written.append(planned.clock()) or write())
    for _ in range(12):
        planned.clock.advance(2)
        assert not work.beat(planned.store, claim.id, "one", datum=claim.datums[0].id).lost
    assert len(written) == 3, "the first names the datum, the others keep the claim"


def test_a_report_is_counted_once_however_often_it_comes(planned):
    claim = planned.claim(GROUP, "one")
    report = work.Report(claim.id, "one", planned.store.ledger.holder(), index=b"", processed=1)
    assert work.report(planned.store, report) and work.report(planned.store, report)
    assert the_job(planned).counters.processed == 1


def test_a_report_adds_up_stats(planned):
    claim = planned.claim(GROUP, "one")
    holder = planned.store.ledger.holder()
    work.report(planned.store, work.Report(claim.id, "one", holder, processed=1, stats=Stats(1.0, 2.0, 3.0, 4, 5)))
    assert the_job(planned).stats == Stats(1.0, 2.0, 3.0, 4, 5)


def test_a_report_of_a_worker_that_was_taken_for_dead_changes_nothing(planned):
    claim = planned.claim(GROUP, "one")
    with pytest.raises(LeaseLapsed):
        work.report(planned.store, work.Report(claim.id, "one", "no such holder", processed=1))
    assert the_job(planned).counters.processed == 0
    assert not work.beat(planned.store, claim.id, "one").lost


def test_what_a_set_that_could_not_be_run_had_stored_is_deleted(planned):
    """But nothing that is named, and nothing of another process."""
    first, second = planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    chunks, holder = planned.store.chunks, planned.store.ledger.open_holder("worker", "one").id
    mine = PackRecord(f"packs/00/{holder}-00000000-1", 5, 1)
    named = PackRecord(f"packs/00/{holder}-00000000-2", 5, 1)
    others = PackRecord(f"packs/00/{'0' * 32}-00000000-1", 5, 1)
    for pack in (mine, named, others):
        chunks.objects.put(pack.name, b"bytes")
    assert work.report(planned.store, work.Report(second.id, "two", holder, [named], processed=1))
    report = work.Report(first.id, "one", holder, [mine, named, others], error="no space left")
    assert work.report(planned.store, report)
    left = {key for key in chunks.objects.list() if key.endswith(("-00000000-1", "-00000000-2"))}
    assert left == {named.name, others.name}


def test_a_set_that_could_not_be_run_rests_and_is_handed_out_again(planned):
    first, _ = planned.claim(GROUP, "one"), planned.claim(GROUP, "two")
    assert work.report(planned.store, work.Report(first.id, "one", error="disk full"))
    job = the_job(planned)
    assert (job.state, job.reason, job.restarts) == (JobState.RUNNING, "disk full", 1)
    assert planned.claim(GROUP, "one") is None
    planned.clock.advance(work.RETRY_SECONDS)
    assert planned.claim(GROUP, "one").datums == first.datums


def test_a_set_that_no_worker_can_run_fails_its_job_with_the_reason(planned):
    """It was handed out again for ever, and the job stayed running."""
    done = planned.claim(GROUP, "other")
    planned.report(done, "other")
    for attempt in range(work.ERRORS):
        claim = planned.claim(GROUP, "one")
        job = the_job(planned)
        assert (job.state, job.restarts) == (JobState.RUNNING, attempt)
        assert work.report(planned.store, work.Report(claim.id, "one", error="disk full " + "x" * 10_000))
        planned.clock.advance(work.RETRY_LIMIT)
    assert planned.claim(GROUP, "one") is None
    planned.settle()
    job = the_job(planned)
    assert job.state is JobState.FAILURE
    assert job.reason.startswith("a datum set could not be run in 15 attempts: disk full xxx")
    assert len(job.reason) < 1_000


def test_what_was_done_before_a_job_broke_need_not_be_done_again(planned):
    done = planned.claim(GROUP, "other")
    planned.report(done, "other")
    planned.took()
    for _ in range(work.ERRORS):
        work.report(planned.store, work.Report(planned.claim(GROUP, "one").id, "one", error="disk full"))
        planned.clock.advance(work.RETRY_LIMIT)
    planned.settle()
    planned.put("data", {"/c": "3"})
    planned.settle()
    assert planned.states("copy")[-1] == ("SUCCESS", "")
    assert "data:" + done.datums[0].inputs[0].path not in planned.took()
    assert sorted(planned.files("copy")) == ["/a", "/b", "/c"]


def test_a_set_whose_workers_always_die_fails_its_job_with_the_reason(planned):
    planned.report(planned.claim(GROUP, "other"), "other")
    told = set()
    for attempt in range(work.LOST):
        assert planned.claim(GROUP, f"w{attempt}") is not None
        told.add(the_job(planned).reason)
        planned.clock.advance(work.CLAIM_SECONDS)
    assert planned.claim(GROUP, "one") is None
    planned.settle()
    job = the_job(planned)
    assert (job.state, "20 times by workers that died" in job.reason) == (JobState.FAILURE, True)
    assert any("3 times" in reason for reason in told) and "" in told, "one that died is no news"


def test_errors_rest_longer_and_longer_and_deaths_of_workers_do_not_count_as_errors(planned):
    planned.report(planned.claim(GROUP, "other"), "other")
    planned.claim(GROUP, "dies")
    planned.clock.advance(work.CLAIM_SECONDS)
    for rest in (1.0, 2.0, 4.0):
        work.report(planned.store, work.Report(planned.claim(GROUP, "one").id, "one", error="no store"))
        planned.clock.advance(rest * 0.9)
        assert planned.claim(GROUP, "one") is None
        planned.clock.advance(rest * 0.1)


def test_a_stopped_job_hands_out_nothing_and_tells_its_workers(planned):
    claim = planned.claim(GROUP, "one")
    with planned.db.write() as tx:
        jobs.stop(tx, the_job(planned).job)
    assert planned.claim(GROUP, "two") is None
    planned.settle()
    assert planned.states("copy") == [("KILLED", ending.STOPPED)]
    assert work.beat(planned.store, claim.id, "one").lost
    assert not planned.report(claim, "one")


def test_workers_of_an_older_version_get_nothing(planned):
    planned.pipeline("copy", update=True)
    planned.controllers.settle()
    assert planned.claim(GROUP) is None
    assert planned.claim("default/copy/v2") is not None


def test_a_worker_of_a_pipeline_gets_the_work_of_the_version_that_it_has(planned):
    assert planned.claim("default/copy", "one").version == 1
    planned.pipeline("copy", update=True, reprocess=True)
    planned.controllers.settle()
    assert planned.claim("default/copy", "one").version == 2


def test_a_deleted_pipeline_has_no_work(planned):
    with planned.db.write() as tx:
        definitions.delete(tx, COPY)
    with pytest.raises(PipelineNotFound):
        planned.claim(GROUP)


def test_a_waiting_claim_is_woken_by_work(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    found = []
    waiter = threading.Thread(target=lambda: found.append(work.claim(world.store, GROUP, "w", wait=60)))
    waiter.start()
    world.controllers.settle()
    waiter.join(30)
    assert [claim.datums[0].inputs[0].path for claim in found] == ["/a"]


def test_a_waiting_claim_ends_when_the_client_leaves(world):
    world.pipeline("copy")
    world.settle()
    leave, asked, left, ended = [], threading.Event(), threading.Event(), []

    def on_leave(wake):
        leave.append(wake)
        asked.set()

    def wait():
        try:
            work.claim(world.store, GROUP, "w", wait=60, cancelled=left.is_set, on_leave=on_leave)
        except WaitEnded:
            ended.append(True)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert asked.wait(30)
    left.set()
    leave[0]()
    waiter.join(30)
    assert ended


def test_a_job_tells_every_image_that_its_datums_ran_in_once(planned):
    for worker, image in (("one", "a@sha256:1"), ("two", "a@sha256:2")):
        planned.image = image
        planned.work(GROUP, worker)
    planned.settle()
    assert the_job(planned).images == ("a@sha256:1", "a@sha256:2")
    planned.pipeline("copy", update=True)
    planned.settle()
    assert planned.jobs("copy")[-1].images == (), "what is kept ran in another job"


def test_who_had_its_share_leaves_the_rest_to_who_is_behind(world):
    world.put("data", {f"/{number}": "" for number in range(12)})
    world.pipeline("copy", parallelism_spec={"constant": 2})
    world.controllers.settle()
    for worker in ("two", "one", "one", "one", "two"):
        world.work(GROUP, worker)
    behind = world.claim(GROUP, "two")  # has 4 of 12 with it, so far
    for _ in range(3):
        assert world.work(GROUP, "one")
    world.clock.advance(8)
    assert world.claim(GROUP, "one") is None, "6 are enough"
    assert world.claim(GROUP, "three"), "who had none is not concerned"
    assert world.report(behind, "two")
    assert world.claim(GROUP, "two")
