"""Build pipelines, seen from the server: what one repo may hold for their sake, and what stays refused."""

from __future__ import annotations

import pytest

from hathi.model.builds import BUILD, PREVIOUS, SOURCE, UPLOAD
from hathi.model.errors import InvalidError
from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import definitions, jobs
from hathi.pipelines.repos import RepoTaken
from hathi.versioning import branches, commits, repos
from hathi.versioning.errors import BuildSource, DagConflict, OutputBranch
from hathi.versioning.writing import Writer

CODE = Repo("default", "map_build")
MAP = Pipeline("default", "map")


def leaf(branch, repo="map_build", **fields):
    return {"pfs": {"name": branch, "repo": repo, "branch": branch, "glob": "/", **fields}}


BUILDER = {
    "pipeline": {"name": "map_build"},
    "transform": {"cmd": ["sh", "./build.sh"]},
    "input": {"cross": [leaf(SOURCE), leaf(PREVIOUS, reference=True, propagation_spec={"never": True})]},
    "output_branch": BUILD,
}
MAIN = {
    "pipeline": {"name": "map"},
    "transform": {"cmd": ["sh", "/pfs/build/run.sh"]},
    "input": {"cross": [leaf(SOURCE), leaf(BUILD), {"pfs": {"repo": "data", "glob": "/*"}}]},
}


def upload(world, files):
    with Writer(world.store, CommitSpec(CODE, branch=UPLOAD)) as writer:
        for path, text in files.items():
            writer.put(path, [text.encode()])
        return writer.close().id


def move(tx, branch, to):
    branches.create(tx, CODE.branch(branch), CommitSpec(CODE, id=to))


def deploy(world, commit, *, previous="", main=MAIN):
    """What a client does: everything in one transaction."""
    with world.db.write() as tx:
        move(tx, SOURCE, commit)
        if previous:
            move(tx, PREVIOUS, previous)
        definitions.create(tx, BUILDER, update=True, runtime="fake")
        definitions.create(tx, main, update=True, runtime="fake")
        return tx.commit_set


def run_code(datum):
    """User code: a build tells what it was made of, the pipeline its code and its data."""
    told = "+".join(part.hash.hex() for part in datum.inputs)
    paths = [part.path for part in datum.inputs if part.name == "data"]
    return {paths[0] if paths else "/main": told}


@pytest.fixture
def code(world):
    """A world with data and an empty repo for code."""
    world.code = run_code
    world.put("data", {"/a": "1", "/b": "2"})
    world.repo("map_build")
    with world.db.write() as tx:
        branches.create(tx, CODE.branch(PREVIOUS))
    return world


@pytest.fixture
def built(code):
    deploy(code, upload(code, {"/main.py": "one"}))
    code.settle()
    return code


def head(world, branch, repo=CODE):
    with world.db.read() as tx:
        return branches.inspect(tx, repo.branch(branch)).head.id


def read(world, pipeline):
    """The branches and commits that the newest job of a pipeline read, by input name."""
    return {name: commit.id for name, commit in world.jobs(pipeline)[-1].inputs.items()}


def test_source_build_and_pipeline_are_set_up_in_one_transaction_and_run(built):
    assert [state for state, _ in built.states("map_build")] == ["SUCCESS"]
    assert [state for state, _ in built.states("map")] == ["SUCCESS"]
    assert built.took() == [
        "build:/ data:/a source:/",
        "build:/ data:/b source:/",
        "previous:/ source:/",
    ]


def test_a_commit_set_holds_one_commit_of_the_build_repo(built):
    set_id = head(built, BUILD)
    with built.db.read() as tx:
        found = [info for info in commits.commit_set(tx, set_id) if info.commit.repo == CODE]
    assert [info.branch for info in found] == [BUILD]
    assert head(built, SOURCE) == head(built, UPLOAD) != set_id


def test_each_job_reads_the_commit_of_each_branch(built):
    first = read(built, "map")
    assert first == {
        "source": head(built, SOURCE),
        "build": head(built, BUILD),
        "data": head(built, "master", Repo("default", "data")),
    }
    old = head(built, BUILD)
    deploy(built, upload(built, {"/main.py": "two"}), previous=old)
    built.settle()
    assert read(built, "map_build") == {"source": head(built, SOURCE), "previous": old}
    assert read(built, "map")["build"] == head(built, BUILD) != old
    built.took()
    built.put("data", {"/c": "3"})
    built.settle()
    assert built.took() == ["build:/ data:/c source:/"]
    assert read(built, "map")["source"] == head(built, SOURCE)


def test_changed_code_is_built_again_and_every_datum_runs_again(built):
    built.took()
    deploy(built, upload(built, {"/main.py": "two"}), previous=head(built, BUILD))
    built.settle()
    assert len(built.took()) == 3


def test_unchanged_code_is_not_built_again_though_another_build_came_before(built):
    built.took()
    deploy(built, head(built, UPLOAD), previous=head(built, BUILD))
    built.settle()
    assert built.took() == []
    assert [state for state, _ in built.states("map")] == ["SUCCESS", "SUCCESS"]


def test_an_error_midway_leaves_everything_as_it_was(built):
    before = {branch: head(built, branch) for branch in (SOURCE, PREVIOUS, BUILD)}
    other = upload(built, {"/main.py": "two"})
    wrong = {**MAIN, "input": {"cross": [leaf(SOURCE), leaf(BUILD), {"pfs": {"repo": "missing", "glob": "/"}}]}}
    with pytest.raises(Exception, match="missing"):
        deploy(built, other, previous=before[BUILD], main=wrong)
    assert before == {branch: head(built, branch) for branch in before}
    assert len(built.jobs("map")) == len(built.jobs("map_build")) == 1


def test_a_failed_build_makes_the_pipeline_unrunnable_and_the_next_one_helps(built):
    good = head(built, BUILD)

    def broken(datum):
        raise RuntimeError("does not compile")

    built.code, works = broken, built.code
    deploy(built, upload(built, {"/main.py": "broken"}), previous=good)
    built.settle()
    assert built.states("map_build")[-1][0] == "FAILURE"
    assert built.states("map")[-1][0] == "UNRUNNABLE"
    built.code = works
    deploy(built, upload(built, {"/main.py": "mended"}), previous=good)
    built.settle()
    assert built.states("map")[-1] == ("SUCCESS", "")


@pytest.mark.parametrize("branch", [SOURCE, PREVIOUS])
def test_nobody_writes_to_what_a_build_is_made_from(built, branch):
    with pytest.raises(BuildSource, match="run 'pachctl update pipeline'"):
        Writer(built.store, CommitSpec(CODE, branch=branch))
    with pytest.raises(BuildSource), built.db.write() as tx:
        commits.start(tx, CODE.branch(branch))


def test_nobody_writes_to_what_is_built(built):
    with pytest.raises(OutputBranch):
        Writer(built.store, CommitSpec(CODE, branch=BUILD))


def test_moving_the_source_by_hand_builds_what_it_points_at(built):
    built.took()
    old = head(built, SOURCE)
    new = upload(built, {"/main.py": "two"})
    for commit in (new, old):
        with built.db.write() as tx:
            move(tx, SOURCE, commit)
        built.settle()
        assert read(built, "map")["source"] == commit
    assert len(built.jobs("map_build")) == 3


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"output_branch": "master"}, RepoTaken),
        ({"input": leaf("other")}, RepoTaken),
        ({"input": {"pfs": {"repo": "data", "glob": "/"}}}, RepoTaken),
    ],
)
def test_only_a_build_may_put_its_output_into_a_repo_that_exists(code, changes, error):
    with pytest.raises(error), code.db.write() as tx:
        definitions.create(tx, {**BUILDER, **changes})


def test_no_other_pipeline_reads_its_own_output(code):
    code.repo("plain")
    spec = {**BUILDER, "pipeline": {"name": "plain"}, "input": leaf(SOURCE, "plain")}
    with pytest.raises(RepoTaken), code.db.write() as tx:
        definitions.create(tx, spec)


def test_other_branches_of_a_build_repo_do_not_meet(built):
    with pytest.raises(DagConflict), built.db.write() as tx:
        repos.create(tx, Repo("default", "x"))
        branches.create(tx, Repo("default", "x").branch("m"), provenance=[CODE.branch(UPLOAD), CODE.branch(BUILD)])
    with pytest.raises(InvalidError, match="provenance of its own branch"), built.db.write() as tx:
        branches.create(tx, CODE.branch("other"), provenance=[CODE.branch(SOURCE)])


def test_jobs_are_found_by_either_commit_they_read(built):
    for branch in (SOURCE, BUILD):
        read = CommitSpec(CODE, id=head(built, branch))
        assert len(list(jobs.list_jobs(built.store, pipeline=MAP, inputs=[read]))) == 1


def test_a_build_is_stopped_started_and_deleted_like_any_other(built):
    builder = Pipeline("default", "map_build")
    with built.db.write() as tx:
        definitions.stop(tx, builder)
    with built.db.write() as tx:
        definitions.start(tx, builder)
    built.settle()
    assert built.states("map")[-1] == ("SUCCESS", "")
    with pytest.raises(Exception, match="map@master"), built.db.write() as tx:
        definitions.delete(tx, builder)
    with built.db.write() as tx:
        assert definitions.delete(tx, MAP)
        assert definitions.delete(tx, builder)
        assert not repos.exists(tx, CODE)
