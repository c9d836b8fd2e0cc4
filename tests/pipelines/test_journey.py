"""Jobs from the commit that causes them to the output they leave, driven in one thread."""

from __future__ import annotations

import pytest

from hathi.model.pps import DatumState, JobState
from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import datums, jobs
from hathi.versioning import commits

COPY = Pipeline("default", "copy")


def counters(job):
    return job.counters.processed, job.counters.skipped, job.counters.failed, job.counters.total


@pytest.fixture
def copied(world):
    """A world in which pipeline `copy` has run over two files."""
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy")
    world.settle()
    assert len(world.took()) == 2
    return world


def test_new_data_becomes_output(copied):
    assert copied.states("copy") == [("SUCCESS", "")]
    assert set(copied.files("copy")) == {"/a", "/b"}
    assert counters(copied.jobs("copy")[0]) == (2, 0, 0, 2)


def test_a_pipeline_over_an_empty_repo_succeeds_with_no_datums(world):
    world.pipeline("copy")
    world.settle()
    assert world.states("copy") == [("SUCCESS", "")]
    assert counters(world.jobs("copy")[0]) == (0, 0, 0, 0)


def test_one_more_file_runs_one_datum_and_skips_the_others(copied):
    copied.put("data", {"/c": "3"})
    copied.settle()
    assert copied.took() == ["data:/c"]
    assert counters(copied.jobs("copy")[-1]) == (1, 2, 0, 3)
    assert set(copied.files("copy")) == {"/a", "/b", "/c"}


def test_a_changed_file_runs_its_datum_again(copied):
    before = copied.files("copy")
    copied.put("data", {"/a": "changed"})
    copied.settle()
    after = copied.files("copy")
    assert copied.took() == ["data:/a"]
    assert after["/a"] != before["/a"] and after["/b"] == before["/b"]


def test_a_deleted_file_takes_its_output_along(copied):
    copied.put("data", {}, delete=["/a"])
    copied.settle()
    assert copied.took() == []
    assert set(copied.files("copy")) == {"/b"}
    assert counters(copied.jobs("copy")[-1]) == (0, 1, 0, 1)


def test_what_a_datum_no_longer_writes_vanishes(copied):
    copied.code = lambda datum: {"/other": "x"}
    copied.put("data", {"/a": "changed"})
    copied.settle()
    assert set(copied.files("copy")) == {"/b", "/other"}


def test_stages_follow_each_other_under_one_id(copied):
    copied.pipeline("second", "copy")
    copied.pipeline(
        "third", {"cross": [{"pfs": {"repo": "copy", "glob": "/"}}, {"pfs": {"repo": "second", "glob": "/"}}]}
    )
    copied.settle()
    copied.took()
    id = copied.put("data", {"/c": "3"})
    with copied.db.read() as tx:
        made = [(info.job.pipeline.name, info.state) for info in jobs.inspect_set(tx, id).jobs]
    assert sorted(name for name, _ in made) == ["copy", "second", "third"]
    copied.settle()
    assert [copied.states(name)[-1] for name in ("copy", "second", "third")] == [("SUCCESS", "")] * 3
    assert copied.took() == ["copy:/ second:/", "copy:/c", "data:/c"]


def test_a_failed_datum_fails_the_job_and_makes_what_is_downstream_unrunnable(copied):
    copied.pipeline("second", "copy")
    copied.settle()
    copied.code = fails_on("/c")
    copied.put("data", {"/c": "3", "/d": "4"})
    copied.settle()
    job = copied.jobs("copy")[-1]
    failed = next(info for info in datums.list_datums(copied.store, job.job) if info.state is DatumState.FAILED)
    assert (job.state, job.reason) == (JobState.FAILURE, f"datum {failed.id} failed: no luck")
    assert failed.reason == "no luck"
    assert copied.states("second")[-1] == (
        "UNRUNNABLE",
        "unrunnable because the following upstream pipelines failed: copy",
    )
    with copied.db.read() as tx:
        info = commits.inspect(tx, CommitSpec(Repo("default", "copy"), id=job.job.id))
    assert info.error == job.reason


def test_what_succeeded_in_a_failed_job_is_kept_and_its_output_appears_later(copied):
    copied.code = fails_on("/c")
    copied.put("data", {"/c": "3", "/d": "4"})
    copied.settle()
    assert copied.took() == ["data:/c", "data:/d"]
    copied.code = lambda datum: {part.path: "again" for part in datum.inputs}
    copied.put("data", {"/e": "5"})
    copied.settle()
    assert copied.took() == ["data:/c", "data:/e"]
    assert set(copied.files("copy")) == {"/a", "/b", "/c", "/d", "/e"}


def test_two_datums_that_write_one_path_fail_the_job_and_are_both_named(world):
    world.code = lambda datum: {"/same": datum.id}
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy")
    world.settle()
    [job] = world.jobs("copy")
    ids = sorted(info.id for info in datums.list_datums(world.store, job.job))
    assert job.state is JobState.FAILURE
    assert job.reason.startswith("duplicate path output by different datums (/same from ")
    assert all(id in job.reason for id in ids)


def test_a_path_that_an_older_datum_owns_is_a_duplicate_too(copied):
    copied.code = lambda datum: {"/a": "stolen"}
    copied.put("data", {"/c": "3"})
    copied.settle()
    state, reason = copied.states("copy")[-1]
    assert state == "FAILURE" and reason.startswith("duplicate path output by different datums (/a from ")


def test_a_path_may_change_hands_within_one_job(copied):
    copied.code = lambda datum: {{"/a": "/b", "/b": "/a"}[datum.inputs[0].path]: "swapped"}
    copied.put("data", {"/a": "x", "/b": "y"})
    copied.settle()
    assert copied.states("copy")[-1] == ("SUCCESS", "")
    assert copied.files("copy") == {"/a": "swapped", "/b": "swapped"}


def test_a_file_and_a_directory_of_one_name_fail_the_job(world):
    world.code = lambda datum: {{"/a": "/x", "/b": "/x/y"}[datum.inputs[0].path]: "1"}
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy")
    world.settle()
    assert world.states("copy") == [("FAILURE", "file / directory path collision (/x/y)")]


def test_siblings_of_a_union_share_one_datum(world):
    world.put("data", {"/a": "1", "/b": "2"})
    leaf = {"repo": "data", "name": "in"}
    world.pipeline("copy", {"union": [{"pfs": {**leaf, "glob": "/*"}}, {"pfs": {**leaf, "glob": "/a"}}]})
    world.settle()
    assert world.took() == ["in:/a", "in:/b"]


def test_a_cross_runs_only_pairs_with_what_changed(world):
    world.repo("more")
    world.put("data", {"/a": "1", "/b": "2"})
    world.put("more", {"/x": "1", "/y": "2"})
    world.code = lambda datum: {datum.inputs[0].path + datum.inputs[1].path: datum.hash}
    world.pipeline(
        "pairs", {"cross": [{"pfs": {"repo": "data", "glob": "/*"}}, {"pfs": {"repo": "more", "glob": "/*"}}]}
    )
    world.settle()
    assert len(world.took()) == 4
    world.put("more", {"/y": "changed"})
    world.settle()
    assert world.took() == ["data:/a more:/y", "data:/b more:/y"]
    assert counters(world.jobs("pairs")[-1]) == (2, 2, 0, 4)


def test_commits_that_come_while_a_job_runs_are_jobs_of_their_own_in_order(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    copied.put("data", {"/d": "4"})
    copied.controllers.settle()
    assert [state for state, _ in copied.states("copy")] == ["SUCCESS", "RUNNING", "RUNNING"]
    copied.settle()
    assert [counters(job) for job in copied.jobs("copy")] == [(2, 0, 0, 2), (1, 2, 0, 3), (1, 3, 0, 4)]


def test_what_is_new_runs_while_the_job_before_is_stuck(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    stuck = copied.claim("default/copy/v1", "stuck")
    copied.put("data", {"/a": "changed", "/c": "changed", "/d": "4"})
    copied.settle()
    assert copied.took() == ["data:/d"]
    [_, before, job] = copied.jobs("copy")
    assert (before.state.name, job.state.name) == ("RUNNING", "RUNNING")
    assert counters(job) == (1, 0, 0, 1)
    copied.put("data", {"/d": "changed", "/e": "5"})
    copied.settle()
    assert copied.took() == ["data:/e"]
    assert copied.report(stuck, "stuck")
    copied.settle()
    assert copied.took() == ["data:/a", "data:/c", "data:/c", "data:/d"]
    assert [counters(job) for job in copied.jobs("copy")] == [(2, 0, 0, 2), (1, 2, 0, 3), (3, 1, 0, 4), (2, 3, 0, 5)]
    written = copied.files("copy")
    assert set(written) == {"/a", "/b", "/c", "/d", "/e"}
    assert written["/a"] == written["/c"] == written["/d"]


def test_a_job_waits_while_nobody_knows_what_the_one_before_will_read(copied):
    """Two stages: the second stage's job for a commit may not begin before its predecessor knows its input."""
    copied.pipeline("more", "copy")
    copied.settle()
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    copied.put("data", {"/d": "4"})
    copied.controllers.settle()
    assert [state for state, _ in copied.states("more")] == ["SUCCESS", "STARTING", "STARTING"]
    copied.settle()
    assert set(copied.files("more")) == {"/a", "/b", "/c", "/d"}


def test_a_job_killed_while_it_works_ahead_leaves_what_it_did(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    stuck = copied.claim("default/copy/v1", "stuck")
    copied.put("data", {"/d": "4"})
    copied.settle()
    with copied.db.write() as tx:
        jobs.stop(tx, copied.jobs("copy")[-1].job)
    copied.settle()
    copied.put("data", {"/e": "5"})
    copied.settle()
    assert copied.took() == ["data:/d", "data:/e"]
    assert copied.report(stuck, "stuck")
    copied.settle()
    assert copied.took() == ["data:/c"]
    assert set(copied.files("copy")) == {"/a", "/b", "/c", "/d", "/e"}


def fails_on(path):
    def code(datum):
        if any(part.path == path for part in datum.inputs):
            raise RuntimeError("no luck")
        return {part.path: part.hash.hex() for part in datum.inputs}

    return code
