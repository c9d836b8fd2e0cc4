"""What is deleted by force takes with it what cannot be without it, and nobody waits for it in vain."""

from __future__ import annotations

import threading

import pytest

from hathi.model.pps import PipelineState
from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import definitions, ending, job_waits, listing, removal
from hathi.pipelines.rows.jobs import JobNotFound
from hathi.versioning import projects, repos
from hathi.versioning.errors import RepoNotFound
from hathi.versioning.waiting import wait_commit

COPY = Pipeline("default", "copy")


@pytest.fixture(params=["starting", "running", "claimed"])
def unfinished(world, request):
    """A world in which the job of `copy` has come to some place before its end."""
    world.pipeline("copy", datum_set_spec={"number": 1})
    world.settle()
    world.put("data", {"/a": "1", "/b": "2"})
    if request.param != "starting":
        world.controllers.settle()
    if request.param == "claimed":
        assert world.claim("default/copy/v1")
    return world


def delete_repo(world, name):
    with world.db.write() as tx:
        assert repos.delete(tx, Repo("default", name), force=True)


@pytest.mark.parametrize("repo", ["data", "copy"])
def test_a_job_ends_with_the_repo_it_reads_or_writes(unfinished, repo):
    delete_repo(unfinished, repo)
    unfinished.controllers.settle()
    assert unfinished.states("copy")[-1] == ("KILLED", ending.GONE)


@pytest.mark.parametrize(("repo", "what"), [("data", "its input default/data@master"), ("copy", "its output repo")])
def test_a_pipeline_whose_repos_were_deleted_by_force_has_failed_and_says_why(unfinished, repo, what):
    delete_repo(unfinished, repo)
    unfinished.controllers.settle()
    with unfinished.db.read() as tx:
        info = listing.inspect(tx, COPY)
    assert info.state is PipelineState.FAILURE
    assert info.reason.startswith(f"{what} was deleted")


def test_an_update_cures_a_pipeline_whose_input_was_deleted_and_made_again(world):
    world.pipeline("copy")
    world.settle()
    delete_repo(world, "data")
    world.settle()
    with world.db.write() as tx:
        repos.create(tx, Repo("default", "data"))
    world.put("data", {"/a": "1"})
    world.settle()
    with world.db.read() as tx:
        assert listing.inspect(tx, COPY).state is PipelineState.FAILURE
    world.pipeline("copy", update=True)
    world.settle()
    with world.db.read() as tx:
        assert listing.inspect(tx, COPY).state is PipelineState.RUNNING
    assert set(world.files("copy")) == {"/a"}


@pytest.mark.parametrize("gone", [COPY.meta, COPY.output])
def test_a_pipeline_can_be_deleted_whatever_of_it_was_deleted_by_force(unfinished, gone):
    with unfinished.db.write() as tx:
        repos.delete(tx, gone, force=True)
    with unfinished.db.write() as tx:
        assert definitions.delete(tx, COPY, keep_repo=True)
    unfinished.controllers.settle()
    with unfinished.db.read() as tx:
        assert not listing.list_names(tx)
        assert repos.exists(tx, COPY.output) == (gone != COPY.output)


def test_a_job_of_which_every_datum_is_done_needs_its_input_no_more(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.controllers.settle()
    assert world.work("default/copy/v1")
    delete_repo(world, "data")
    world.controllers.settle()
    assert world.states("copy") == [("SUCCESS", "")]


class Waiting(threading.Thread):
    """Waits in a thread of its own for something that never comes, and keeps the error that it gets."""

    def __init__(self, wait):
        super().__init__()
        self.wait, self.error, self.asleep = wait, None, threading.Event()
        self.start()
        assert self.asleep.wait(30)

    def run(self):
        try:
            self.wait(on_leave=lambda wake: self.asleep.set())
        except Exception as error:
            self.error = error


def test_who_waits_for_a_job_or_its_commit_learns_that_it_is_gone(unfinished):
    job = unfinished.jobs("copy")[-1].job
    output = CommitSpec(COPY.output, id=job.id)
    waiting = [
        Waiting(lambda on_leave: job_waits.wait(unfinished.store, job, on_leave=on_leave)),
        Waiting(lambda on_leave: wait_commit(unfinished.store, output, on_leave=on_leave)),
    ]
    with unfinished.db.write() as tx:
        removal.delete_everything(tx)
    for one in waiting:
        one.join(30)
    assert [type(one.error) for one in waiting] == [JobNotFound, RepoNotFound]
    unfinished.controllers.settle()
    assert unfinished.runtime.groups == {}


def test_a_project_goes_with_its_pipelines(world):
    with world.db.write() as tx:
        projects.create(tx, "side")
    world.pipeline(
        {"project": {"name": "side"}, "name": "copy"}, {"pfs": {"project": "default", "repo": "data", "glob": "/"}}
    )
    world.settle()
    with world.db.write() as tx:
        assert removal.delete_project(tx, "side", force=True)
    assert not list(listing.list_pipelines(world.store))
    world.settle()
    assert world.runtime.groups == {}
