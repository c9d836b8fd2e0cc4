"""Declaring pipelines: created, updated, stopped, started, deleted; and what each does to jobs, branches and repos."""

from __future__ import annotations

import pytest

from hathi.model.errors import NotFoundError, PreconditionError, UnimplementedError
from hathi.model.pps import PipelineState
from hathi.model.references import Pipeline, Repo
from hathi.model.spec import SpecError
from hathi.pipelines import definitions, listing
from hathi.pipelines.definitions import PipelineExists
from hathi.pipelines.repos import InputRepoNotFound, RepoTaken
from hathi.versioning import branches, repos

COPY = Pipeline("default", "copy")
UPDATED = "all jobs killed because pipeline was updated"


@pytest.fixture
def copied(world):
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy")
    world.settle()
    world.took()
    return world


def info(world, pipeline=COPY):
    with world.db.read() as tx:
        return listing.inspect(tx, pipeline)


def do(world, operation, *args, **kwargs):
    with world.db.write() as tx:
        result = operation(tx, *args, **kwargs)
    world.settle()
    return result


def repo_names(world):
    with world.db.read() as tx:
        return {str(repo) for repo in repos.list_names(tx)}


def test_a_pipeline_has_output_spec_and_meta_repo_and_their_branches_the_same_provenance(copied):
    assert repo_names(copied) == {"default/data", "default/copy", "default/copy.spec", "default/copy.meta"}
    with copied.db.read() as tx:
        output, meta = (branches.inspect(tx, repo.branch("master")) for repo in (COPY.output, COPY.meta))
    assert output.direct_provenance == meta.direct_provenance
    assert {str(branch) for branch in output.direct_provenance} == {"default/data@master", "default/copy.spec@master"}
    assert output.head.id == meta.head.id


def test_a_running_pipeline_says_so_and_which_runtime_it_has(copied):
    found = info(copied)
    assert (found.state, found.reason, found.runtime, found.version) == (PipelineState.RUNNING, "", "fake", 1)
    assert found.workers_requested == found.workers_available == 1


def test_an_update_kills_unfinished_jobs_and_makes_one_on_the_heads(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    copied.pipeline("copy", update=True)
    copied.settle()
    assert copied.states("copy") == [("SUCCESS", ""), ("KILLED", UPDATED), ("SUCCESS", "")]
    assert [job.version for job in copied.jobs("copy")] == [1, 1, 2]
    assert copied.took() == ["data:/c"]
    assert set(copied.runtime.groups) == {"default/copy/v2"}


def test_an_update_keeps_results_unless_it_reprocesses(copied):
    copied.pipeline("copy", update=True, transform={"cmd": ["other"]})
    copied.settle()
    assert copied.took() == []
    assert listing.datums_kept(copied.store, COPY) == 2
    copied.pipeline("copy", update=True, reprocess=True)
    copied.settle()
    assert copied.took() == ["data:/a", "data:/b"]


def test_an_update_to_another_glob_drops_what_it_no_longer_wants(copied):
    copied.pipeline("copy", {"pfs": {"repo": "data", "glob": "/a"}}, update=True)
    copied.settle()
    assert copied.took() == []
    assert set(copied.files("copy")) == {"/a"}


def test_an_update_of_nothing_creates(world):
    world.pipeline("copy", update=True)
    assert info(world).version == 1


def test_older_versions_are_listed_when_asked_for(copied):
    copied.pipeline("copy", update=True)
    assert [one.version for one in listing.list_pipelines(copied.store, history=-1)] == [2, 1]
    assert [one.version for one in listing.list_pipelines(copied.store)] == [2]


def test_a_stopped_pipeline_makes_no_jobs_until_it_is_started_and_then_one(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    do(copied, definitions.stop, COPY)
    assert copied.states("copy")[-1] == ("KILLED", "all jobs killed because pipeline was stopped")
    assert info(copied).state is PipelineState.PAUSED
    assert not copied.runtime.groups
    copied.put("data", {"/d": "4"})
    copied.put("data", {"/e": "5"})
    copied.settle()
    assert len(copied.jobs("copy")) == 2
    do(copied, definitions.start, COPY)
    assert copied.states("copy")[-1] == ("SUCCESS", "")
    assert len(copied.jobs("copy")) == 3
    assert copied.took() == ["data:/c", "data:/d", "data:/e"]
    assert info(copied).state is PipelineState.RUNNING


def test_a_stopped_pipeline_stays_stopped_when_updated(copied):
    do(copied, definitions.stop, COPY)
    copied.pipeline("copy", update=True)
    copied.settle()
    assert info(copied).state is PipelineState.PAUSED
    assert len(copied.jobs("copy")) == 1


def test_deleting_takes_the_repos_along(copied):
    assert do(copied, definitions.delete, COPY)
    assert repo_names(copied) == {"default/data"}
    assert not copied.runtime.groups
    assert not do(copied, definitions.delete, COPY)


def test_deleting_may_keep_the_output(copied):
    copied.put("data", {"/c": "3"})
    copied.controllers.settle()
    do(copied, definitions.delete, COPY, keep_repo=True)
    assert repo_names(copied) == {"default/data", "default/copy"}
    assert set(copied.files("copy")) == set()
    with pytest.raises(RepoTaken):
        copied.pipeline("copy")


def test_deleting_is_refused_while_others_depend_on_it(copied):
    copied.pipeline("second", "copy")
    copied.settle()
    with pytest.raises(PreconditionError):
        do(copied, definitions.delete, COPY)
    assert info(copied)
    assert do(copied, definitions.delete, COPY, force=True)


def test_a_deleted_pipeline_can_be_made_again(copied):
    do(copied, definitions.delete, COPY)
    copied.pipeline("copy")
    copied.settle()
    assert copied.took() == ["data:/a", "data:/b"]


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"input": {"pfs": {"repo": "missing", "glob": "/"}}}, NotFoundError),
        ({"input": {"pfs": {"repo": "data"}}}, SpecError),
        ({"input": {"cron": {"name": "tick", "spec": "@daily"}}}, UnimplementedError),
        ({"input": {"pfs": {"repo": "copy", "glob": "/"}}}, Exception),
        ({"egress": {"URL": "s3://bucket/folder"}}, UnimplementedError),
        ({"s3_out": True}, UnimplementedError),
        ({"transform": {"cmd": ["x"], "secrets": [{"name": "s", "key": "k", "env_var": "S"}]}}, UnimplementedError),
        ({"transform": {"cmd": ["x"], "datum_batching": True}}, UnimplementedError),
        ({"input": {"pfs": {"repo": "data", "glob": "/", "s3": True}}}, UnimplementedError),
        ({"input": {"pfs": {"repo": "data", "glob": "/", "trigger": {"commits": 2}}}}, UnimplementedError),
    ],
)
def test_what_cannot_be_made_leaves_nothing(world, spec, error):
    with pytest.raises(error):
        world.pipeline("copy", **spec)
    assert repo_names(world) == {"default/data"}


def test_a_name_is_taken_once(copied):
    with pytest.raises(PipelineExists):
        copied.pipeline("copy")
    with pytest.raises(RepoTaken):
        copied.pipeline("data", "copy")


def test_another_output_branch_begins_anew(copied):
    copied.pipeline("copy", update=True, output_branch="other")
    copied.settle()
    assert set(copied.files("copy", "other")) == {"/a", "/b"}
    copied.put("data", {"/c": "3"})
    copied.settle()
    with copied.db.read() as tx:
        assert branches.inspect(tx, Repo("default", "copy").branch("master")).direct_provenance == ()


def test_a_pipeline_tells_why_its_workers_do_not_come_up(copied):
    copied.runtime.fail("default/copy/v1", "no such image")
    copied.settle()
    assert (info(copied).state, info(copied).reason) == (PipelineState.CRASHING, "no such image")
    copied.runtime.become_ready("default/copy/v1")
    copied.settle()
    assert (info(copied).state, info(copied).reason) == (PipelineState.RUNNING, "")


def test_a_pipeline_tells_when_the_runtime_can_run_nothing(world):
    world.runtime.problem = "enable user namespaces"
    world.pipeline("copy")
    world.settle()
    assert (info(world).state, info(world).reason) == (PipelineState.CRASHING, "enable user namespaces")


def test_a_pipeline_never_changes_its_runtime_by_itself(world):
    world.runtime.name = "docker"
    world.pipeline("copy")
    world.settle()
    assert info(world).state is PipelineState.FAILURE
    assert "declared for the fake runtime" in info(world).reason


def test_what_an_old_spec_became_is_in_the_servers_log(copied, caplog):
    """The protocol has no place for notes, and clients of old have old specs."""
    with caplog.at_level("INFO", "hathi"):
        copied.pipeline("copy", update=True, cache_size="64M")
    assert "the spec of pipeline default/copy: cache_size: has no effect" in caplog.text


@pytest.mark.parametrize(
    ("leaf", "told"),
    [
        ({"repo": "nosuch"}, "repo default/nosuch {}; create it first: pachctl create repo nosuch"),
        (
            {"repo": "nosuch", "project": "lab"},
            "repo lab/nosuch {}; create it first: pachctl create repo nosuch --project lab",
        ),
    ],
)
def test_an_input_that_is_missing_is_told_with_who_reads_it_and_what_to_do(world, leaf, told):
    with pytest.raises(InputRepoNotFound) as caught:
        world.pipeline("copy", {"pfs": {"glob": "/", **leaf}})
    assert str(caught.value) == told.format("not found, which is an input of pipeline default/copy")


@pytest.mark.parametrize("kind", ["meta", "spec"])
def test_an_input_that_is_no_user_repo_is_refused_when_the_pipeline_is_made(copied, kind):
    with pytest.raises(UnimplementedError, match=f"input data: inputs with repo_type {kind} are not supported"):
        copied.pipeline("other", {"pfs": {"name": "data", "repo": "copy", "repo_type": kind, "glob": "/"}})
