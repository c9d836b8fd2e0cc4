"""What can be asked of jobs and done to them."""

from __future__ import annotations

import threading

import pytest

from hathi.model.errors import NotFoundError
from hathi.model.globs import compile_glob
from hathi.model.pps import DatumState, JobState, PipelineState
from hathi.model.references import Pipeline, Repo
from hathi.pipelines import datums, ending, job_waits, jobs, listing
from hathi.pipelines.rows.jobs import JobNotFound
from hathi.versioning import repos
from hathi.versioning.errors import WaitEnded

COPY = Pipeline("default", "copy")


@pytest.fixture
def copied(world):
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy")
    world.settle()
    world.took()
    return world


def stop(world, job):
    with world.db.write() as tx:
        jobs.stop(tx, job)


def listed(world, **kwargs):
    return list(jobs.list_jobs(world.store, **kwargs))


def test_a_stopped_job_keeps_what_was_done_and_the_next_takes_it_over(copied):
    copied.put("data", {"/c": "3", "/d": "4"})
    copied.pipeline("copy", update=True, datum_set_spec={"number": 1})
    copied.settle()
    copied.took()
    copied.put("data", {"/e": "5", "/f": "6"})
    copied.controllers.settle()
    assert copied.work("default/copy/v2")
    stop(copied, copied.jobs("copy")[-1].job)
    copied.settle()
    assert copied.states("copy")[-1] == ("KILLED", ending.STOPPED)
    assert copied.took() == ["data:/e"]
    copied.put("data", {"/g": "7"})
    copied.settle()
    assert copied.took() == ["data:/f", "data:/g"]
    assert set(copied.files("copy")) == {f"/{name}" for name in "abcdefg"}
    counters = copied.jobs("copy")[-1].counters
    assert (counters.processed, counters.skipped, counters.total) == (2, 5, 7)


def test_stopping_a_job_that_has_ended_changes_nothing(copied):
    before = copied.jobs("copy")[0]
    stop(copied, before.job)
    copied.settle()
    assert copied.jobs("copy")[0] == before


def test_a_job_is_killed_when_its_time_is_over(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy", job_timeout="10s")
    world.controllers.settle()
    world.clock.advance(9)
    world.controllers.settle()
    assert world.states("copy")[0][0] == "RUNNING"
    world.clock.advance(1)
    world.controllers.settle()
    assert world.states("copy") == [("KILLED", "job timeout exceeded")]


def test_a_deleted_job_is_hidden_and_still_serves_the_next(copied):
    job = copied.jobs("copy")[0].job
    with copied.db.write() as tx:
        jobs.delete(tx, job)
    assert copied.jobs("copy") == []
    with pytest.raises(JobNotFound), copied.db.read() as tx:
        jobs.inspect(tx, job)
    copied.put("data", {"/c": "3"})
    copied.settle()
    assert copied.took() == ["data:/c"]


def test_jobs_are_listed_by_pipeline_input_version_and_page(copied):
    id = copied.put("data", {"/c": "3"})
    copied.settle()
    copied.clock.advance(1)
    copied.pipeline("copy", update=True)
    copied.settle()
    first, second, third = (job.job for job in copied.jobs("copy"))
    assert [info.job for info in listed(copied, pipeline=COPY)] == [third, second, first]
    assert [info.job for info in listed(copied, pipeline=COPY, history=0)] == [third]
    assert [info.job for info in listed(copied, number=1)] == [third]
    assert [info.job for info in listed(copied, before=copied.jobs("copy")[2].created)] == [second, first]
    assert {info.job for info in listed(copied, inputs=[Repo("default", "data").commit(id)])} == {second, third}


def test_job_sets_hold_the_jobs_of_one_id(copied):
    copied.pipeline("second", "copy")
    copied.settle()
    id = copied.put("data", {"/c": "3"})
    copied.settle()
    latest, *_ = jobs.list_sets(copied.store)
    assert latest.id == id and len(latest.jobs) == 2
    assert [info.state for info in job_waits.wait_set(copied.store, id)] == [JobState.SUCCESS] * 2


def test_waiting_for_a_job_ends_with_it(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    [job] = world.jobs("copy")
    found = []
    waiter = threading.Thread(target=lambda: found.append(job_waits.wait(world.store, job.job)))
    waiter.start()
    world.settle()
    waiter.join(30)
    assert [info.state for info in found] == [JobState.SUCCESS]


def test_a_subscriber_sees_jobs_that_have_not_ended_and_new_ones(copied):
    ids = [copied.put("data", {"/c": text}) for text in ("3", "4")]
    seen = job_waits.subscribe(copied.store, COPY)
    assert [next(seen).job.id for _ in ids] == ids
    id = copied.put("data", {"/d": "5"})
    assert next(seen).job.id == id


def states(world, job, **kwargs):
    return [(info.inputs[0].path, info.state) for info in datums.list_datums(world.store, job, **kwargs)]


def test_datums_of_a_job_at_work_are_shown_as_they_stand(copied):
    copied.pipeline("copy", update=True, datum_set_spec={"number": 1})
    copied.settle()
    copied.put("data", {"/b": "changed", "/c": "3", "/d": "4"}, delete=["/a"])
    copied.controllers.settle()
    copied.work("default/copy/v2")
    copied.claim("default/copy/v2")
    job = copied.jobs("copy")[-1].job
    assert sorted(states(copied, job)) == [
        ("/b", DatumState.SUCCESS),
        ("/c", DatumState.STARTING),
        ("/d", DatumState.UNKNOWN),
    ]


def test_datums_are_listed_by_page_and_state_in_both_directions(copied):
    copied.put("data", {"/c": "3", "/d": "4"})
    copied.settle()
    job = copied.jobs("copy")[-1].job
    every = list(datums.list_datums(copied.store, job))
    ids = [info.id for info in every]
    assert ids == sorted(ids) and len(ids) == 4
    assert [info.id for info in datums.list_datums(copied.store, job, after=ids[0], number=2)] == ids[1:3]
    assert [info.id for info in datums.list_datums(copied.store, job, reverse=True)] == ids[::-1]
    assert [info.id for info in datums.list_datums(copied.store, job, after=ids[2], reverse=True)] == ids[1::-1]
    assert {path for path, _ in states(copied, job, states=[DatumState.SKIPPED])} == {"/a", "/b"}
    assert datums.inspect(copied.store, job, ids[0]) == every[0]
    with pytest.raises(datums.DatumNotFound):
        datums.inspect(copied.store, job, "0" * 64)


def test_datums_of_an_input_can_be_seen_without_a_pipeline(copied):
    found = datums.preview(copied.store, {"pfs": {"repo": "data", "glob": "/*"}})
    assert [info.inputs[0].path for info in found] == ["/a", "/b"]


def test_datums_of_an_input_can_be_listed_page_by_page_in_both_directions(copied):
    copied.put("data", {f"/{number}": "1" for number in range(5)})

    def listed(**options):
        infos = list(datums.preview(copied.store, {"pfs": {"repo": "data", "glob": "/*"}}, **options))
        return [info.inputs[0].path for info in infos], infos[-1].id if infos else ""

    first, marker = listed(number=3)
    second, last = listed(number=3, after=marker)
    third, end = listed(number=3, after=last)
    assert (first, second, third) == (["/0", "/1", "/2"], ["/3", "/4", "/a"], ["/b"])
    assert listed(after=end) == ([], "")
    assert listed(reverse=True, number=2, after=last)[0] == ["/4", "/3"]
    assert listed(reverse=True, number=2)[0] == ["/b", "/a"]
    assert listed(states=[DatumState.FAILED])[0] == []
    assert listed(states=[DatumState.UNKNOWN], number=1)[0] == ["/0"]
    with pytest.raises(NotFoundError, match="list it from the beginning"):
        listed(after="0" * 64)


def test_restarting_a_datum_tells_the_worker_that_has_it_at_hand(world):
    from hathi.pipelines import work

    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.controllers.settle()
    claim = world.claim("default/copy/v1")
    [datum] = claim.datums
    work.beat(world.store, claim.id, "w", datum=datum.id)
    with pytest.raises(
        NotFoundError, match=f"datum matching filter \\[/b c\\] could not be found for job ID {claim.job.id}"
    ):
        datums.restart(world.store, claim.job, ["/b", "c"])
    assert work.beat(world.store, claim.id, "w", datum=datum.id).cancelled == ()
    datums.restart(world.store, claim.job, ["/a"])
    assert work.beat(world.store, claim.id, "w", datum=datum.id).cancelled == (datum.id,)
    assert work.beat(world.store, claim.id, "w", datum=datum.id).cancelled == ()


def test_a_job_whose_repo_was_deleted_by_force_ends_and_can_still_be_listed(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    with copied.db.write() as tx:
        repos.delete(tx, COPY.output, force=True)
    copied.settle()
    copied.clock.advance(100)
    copied.settle()
    assert all(job.state.terminal for job in copied.jobs("copy"))


def test_nothing_is_seen_running_where_no_worker_is_ready(world):
    world.runtime.hold = True
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.controllers.settle()
    assert world.states("copy") == [("STARTING", jobs.NO_WORKER)]
    world.runtime.fail("default/copy/v1", "no such image")
    world.controllers.settle()
    assert world.states("copy") == [("STARTING", "no such image")]
    with world.db.read() as tx:
        assert listing.inspect(tx, COPY).last_job_state is JobState.STARTING
    world.runtime.become_ready("default/copy/v1")
    world.controllers.settle()
    assert world.states("copy") == [("RUNNING", "")]
    world.settle()
    assert world.states("copy") == [("SUCCESS", "")]


def test_a_pipeline_that_scales_itself_has_workers_while_it_has_jobs(world):
    world.pipeline("copy", autoscaling=True)
    world.put("data", {"/a": "1"})
    world.settle()
    assert world.runtime.groups == {}
    with world.db.read() as tx:
        info = listing.inspect(tx, COPY)
    assert (info.state, info.reason, info.workers_available) == (PipelineState.STANDBY, "", 0)
    world.runtime.hold = True
    world.put("data", {"/b": "2"})
    world.controllers.settle()
    assert list(world.runtime.groups) == ["default/copy/v1"]
    assert world.states("copy")[-1] == ("STARTING", jobs.NO_WORKER)
    world.runtime.become_ready("default/copy/v1")
    world.settle()
    assert world.states("copy")[-1] == ("SUCCESS", "")
    assert world.runtime.groups == {}


def test_a_preview_that_finds_nothing_ends_when_nobody_waits_for_it(copied, monkeypatch):
    monkeypatch.setattr("hathi.storage.filesets.files.CHECK_EVERY", 1)
    looked = []
    found = datums.preview(
        copied.store, {"pfs": {"repo": "data", "glob": "/*x"}}, cancelled=lambda: looked.append(1) or len(looked) > 1
    )
    with pytest.raises(WaitEnded):
        next(found)
    assert len(looked) == 2


def test_the_runtime_knows_which_pipelines_have_work_and_the_pipeline_why_it_waits_for_a_worker(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.runtime.hold = True
    world.runtime.withhold("default/copy/v1", "others have them")
    world.controllers.settle()
    assert world.runtime.groups["default/copy/v1"].busy
    assert world.states("copy") == [("STARTING", "others have them")]
    world.runtime.hold = False
    world.runtime.withhold("default/copy/v1", "")
    world.runtime.become_ready("default/copy/v1")
    world.settle()
    assert world.states("copy") == [("SUCCESS", "")]
    assert not world.runtime.groups["default/copy/v1"].busy


def test_a_pipeline_without_work_and_without_worker_stands_by(world):
    world.pipeline("copy")
    world.runtime.hold = True
    world.controllers.settle()
    world.runtime.withhold("default/copy/v1", "others have them")
    world.controllers.settle()
    with world.db.read() as tx:
        info = listing.inspect(tx, COPY)
    assert (info.state, info.reason) == (PipelineState.STANDBY, "others have them")


def test_a_glob_made_to_be_endless_is_matched_like_any_other(world):
    world.put("data", {"/" + "a" * 40: "1"})
    world.pipeline("copy", {"pfs": {"repo": "data", "glob": "/" + "?(a)" * 40 + "a" * 40}})
    world.settle()
    assert world.states("copy") == [("SUCCESS", "")]
    assert world.took() == ["data:/" + "a" * 40]


def test_a_stored_glob_that_is_refused_today_stops_its_own_pipeline_alone(world, monkeypatch):
    world.put("data", {"/a": "1"})
    world.pipeline("bad", {"pfs": {"repo": "data", "glob": "/" + "{a,b}" * 20 + "*"}})
    world.pipeline("good")
    monkeypatch.setattr("hathi.model.globs.syntax.MAX_LENGTH", 50)
    compile_glob.cache_clear()
    world.settle()
    assert world.states("good") == [("SUCCESS", "")]
    [(state, reason)] = world.states("bad")
    assert state != "SUCCESS"
    assert "a glob may have 50" in reason
