"""`backfill`: a new pipeline gets a job for each finished commit of its inputs, oldest first."""

from __future__ import annotations

import pytest

from hathi.model.references import CommitSpec, Repo
from hathi.versioning import branches, commits

DATA = Repo("default", "data")


def ids(world, pipeline="copy"):
    return [job.job.id for job in world.jobs(pipeline)]


@pytest.fixture
def history(world):
    """Three commits, each with one file more."""
    return [world.put("data", {f"/{n}": str(n)}) for n in range(3)]


def test_each_commit_gets_a_job_of_its_own_id_and_the_head_the_pipelines_own(world, history):
    world.pipeline("copy", backfill=True)
    world.settle()
    assert ids(world)[:2] == history[:2]
    assert len(ids(world)) == 3
    assert ids(world)[2] not in history
    assert world.states("copy") == [("SUCCESS", "")] * 3
    assert [(job.counters.processed, job.counters.skipped) for job in world.jobs("copy")] == [(1, 0), (1, 1), (1, 2)]
    assert [job.inputs["data"].id for job in world.jobs("copy")] == history


def test_each_output_commit_holds_what_its_input_made(world, history):
    world.pipeline("copy", backfill=True)
    world.settle()
    for number, id in enumerate(history[:2]):
        with world.db.read() as tx:
            info = commits.inspect(tx, CommitSpec(Repo("default", "copy"), id=id))
            assert info.parent == (None if number == 0 else Repo("default", "copy").commit(history[number - 1]))
        assert world.jobs("copy")[number].counters.total == number + 1
    assert set(world.files("copy")) == {"/0", "/1", "/2"}


def test_without_it_there_is_one_job_for_the_head(world, history):
    world.pipeline("copy")
    world.settle()
    assert len(ids(world)) == 1


def test_it_concerns_the_creation_only(world, history):
    world.pipeline("copy")
    world.settle()
    world.pipeline("copy", update=True, backfill=True)
    world.settle()
    assert len(ids(world)) == 2


def test_new_commits_follow_as_ever(world, history):
    world.pipeline("copy", backfill=True)
    world.settle()
    world.took()
    new = world.put("data", {"/new": "x"})
    world.settle()
    assert ids(world)[-1] == new
    assert world.took() == ["data:/new"]


def test_failed_open_and_empty_first_commits_are_passed_over(world):
    with world.db.write() as tx:
        branches.create(tx, DATA.branch("master"))
    good = world.put("data", {"/a": "1"})
    with world.db.write() as tx:
        commits.start(tx, DATA.branch("master"))
    with world.db.write() as tx:
        commits.finish(tx, CommitSpec(DATA, branch="master"), error="bad")
    world.put("data", {"/b": "2"})
    world.pipeline("copy", backfill=True)
    world.settle()
    assert ids(world)[:-1] == [good]


def test_with_several_inputs_each_state_counts_in_which_all_have_a_commit(world):
    world.repo("other")
    world.put("data", {"/a": "1"})
    first = world.put("other", {"/x": "1"})
    second = world.put("data", {"/b": "2"})
    world.put("other", {"/y": "2"})
    cross = {"cross": [{"pfs": {"repo": repo, "glob": "/*"}} for repo in ("data", "other")]}
    world.pipeline("copy", cross, backfill=True)
    world.settle()
    assert ids(world)[:-1] == [first, second]
    assert [job.counters.total for job in world.jobs("copy")] == [1, 2, 4]


def test_an_input_that_triggers_nothing_brings_no_job_about(world):
    world.repo("model")
    world.put("model", {"/m": "1"})
    first = world.put("data", {"/a": "1"})
    world.put("model", {"/m": "2"})
    world.put("data", {"/b": "2"})
    model = {"pfs": {"repo": "model", "glob": "/", "propagation_spec": {"never": True}}}
    world.pipeline("copy", {"cross": [{"pfs": {"repo": "data", "glob": "/*"}}, model]}, backfill=True)
    world.settle()
    assert ids(world)[:-1] == [first]


def test_a_chain_is_filled_stage_by_stage(world, history):
    world.pipeline("copy", backfill=True)
    world.settle()
    world.pipeline("again", "copy", backfill=True)
    world.settle()
    assert ids(world, "again")[:2] == history[:2]
    assert len(ids(world, "again")) == 3
    assert all(state == "SUCCESS" for state, _ in world.states("again"))


def test_nothing_to_fill_is_nothing_special(world):
    world.pipeline("copy", backfill=True)
    world.settle()
    assert len(ids(world)) == 1
