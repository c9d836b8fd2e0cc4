"""Branches: names that move, and who is made from whom."""

from __future__ import annotations

import pytest

from hathi.model.errors import InvalidError, NotFoundError, PreconditionError
from hathi.model.infos import Origin, Trigger
from hathi.versioning import branches, commits
from hathi.versioning.errors import DagConflict


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b", "c", "d")


def delete(world, text: str, **how) -> bool:
    with world.db.write() as tx:
        return branches.delete(tx, world.a_branch(text), **how)


def test_a_new_branch_has_an_empty_finished_head(world) -> None:
    world.branch("a@master")
    info = world.info("a@master")
    assert info.origin is Origin.AUTO and info.finished and info.size == 0 and info.parent is None
    assert world.head("a@master").head == info.commit


def test_a_branch_can_point_at_any_commit_of_its_repo(world) -> None:
    first = world.put("a@master:/x", b"1")
    world.put("a@master:/x", b"2")
    world.branch("a@old", head="a@master^")
    assert world.head("a@old").head == first
    world.branch("a@old", head="a@master")
    assert world.cat("a@old:/x") == b"2"
    with pytest.raises(InvalidError, match="not in its repo"):
        world.branch("b@master", head="a@master")
    with pytest.raises(NotFoundError, match="not found"):
        world.branch("a@old", head="a@master^5")


def test_a_branch_tells_what_it_is_made_from_and_what_is_made_from_it(world) -> None:
    world.branch("b@master", "a@master")
    world.branch("c@master", "b@master", "d@x")
    c, a = world.head("c@master"), world.head("a@master")
    assert list(map(str, c.direct_provenance)) == ["default/b@master", "default/d@x"]
    assert sorted(map(str, c.provenance)) == ["default/a@master", "default/b@master", "default/d@x"]
    assert list(map(str, a.subvenance)) == ["default/b@master", "default/c@master"]
    assert a.provenance == ()


def test_missing_branches_to_be_made_from_are_created_empty_but_not_missing_repos(world) -> None:
    world.branch("b@master", "a@new")
    assert world.info("a@new").finished
    with pytest.raises(NotFoundError, match="repo default/none not found"):
        world.branch("b@master", "none@master")


def test_a_branch_made_from_others_gets_an_open_commit(world) -> None:
    world.branch("b@master", "a@master")
    info = world.info("b@master")
    assert info.open and info.origin is Origin.AUTO
    assert info.direct_provenance == (world.head("a@master").head,)


def test_other_provenance_makes_a_new_commit_and_none_does_not(world) -> None:
    world.branch("b@master", "a@master")
    world.branch("b@master", "c@master")
    assert len(world.log("b")) == 2
    world.branch("b@master", "c@master")
    assert len(world.log("b")) == 2
    world.branch("b@master")
    assert len(world.log("b")) == 2
    assert world.head("b@master").provenance == ()
    world.branch("b@master", "c@master")
    assert len(world.log("b")) == 3


def test_a_repo_is_not_made_from_itself(world) -> None:
    with pytest.raises(InvalidError, match="repo default/a cannot be in the provenance of its own branch"):
        world.branch("a@x", "a@master")
    world.branch("b@master", "a@master")
    with pytest.raises(InvalidError, match="cannot be in the provenance of its own branch"):
        world.branch("a@master", "b@master")


@pytest.mark.parametrize(
    ("branch", "provenance"),
    [("d@master", ["b@master", "a@other"]), ("c@x", ["a@master"]), ("b@other", ["c@master"])],
)
def test_one_repo_takes_part_in_a_graph_with_one_branch(world, branch: str, provenance: list[str]) -> None:
    world.branch("b@master", "a@master")
    world.branch("c@master", "b@master")
    with pytest.raises(DagConflict, match=r'^multiple branches from the same repo, "default/\w", cannot participate'):
        world.branch(branch, *provenance)
    assert world.head("c@master").subvenance == ()


def test_a_pipeline_that_builds_code_is_not_given_other_inputs_and_it_is_said_which_one_to_update(world) -> None:
    world.repos("map_build", "map", "words")
    world.branch("map_build@source")
    world.branch("words@master")
    world.branch("map_build@build", "map_build@source")
    world.branch("map@master", "map_build@source", "map_build@build", "words@master")
    with pytest.raises(DagConflict, match=r'; pipeline "map_build" builds the code of pipeline "map", so update that'):
        world.branch("map_build@master", "words@master")


def test_separate_graphs_may_use_branches_of_one_repo(world) -> None:
    world.branch("b@master", "a@master")
    world.branch("c@master", "a@other")
    world.branch("c@master")
    world.branch("c@other", "b@master")


def test_a_trigger_is_kept_and_excludes_provenance(world) -> None:
    trigger = Trigger(branch="staging", size="1M")
    world.branch("a@master", trigger=trigger)
    assert world.head("a@master").trigger == trigger
    with pytest.raises(InvalidError, match="cannot have both"):
        world.branch("a@x", "b@master", trigger=trigger)
    with pytest.raises(InvalidError, match="must specify a branch"):
        world.branch("a@x", trigger=Trigger(size="1M"))


def test_a_branch_is_deleted_but_not_its_commits(world) -> None:
    commit = world.put("a@master:/x")
    assert delete(world, "a@master")
    assert not delete(world, "a@master")
    assert world.log("a") == [commit.id]
    with pytest.raises(NotFoundError, match=r'^branch "master" not found in repo default/a$'):
        world.head("a@master")


def test_a_branch_that_others_need_is_deleted_by_force_only(world) -> None:
    world.branch("b@master", "a@master")
    world.branch("a@copy", trigger=Trigger(branch="master", commits=1))
    with pytest.raises(PreconditionError, match="direct provenance of default/b@master"):
        delete(world, "a@master")
    world.branch("b@master")
    with pytest.raises(PreconditionError, match='triggered by branch "copy"'):
        delete(world, "a@master")
    assert delete(world, "a@master", force=True)


def test_branches_are_listed_newest_first(world) -> None:
    for name in ("x", "y"):
        world.branch(f"a@{name}")

    def listed(**how):
        return [info.branch.name for info in branches.list_branches(world.store, world.a_repo("a"), **how)]

    with world.db.read() as tx:
        assert listed() == ["y", "x"]
        assert listed(reverse=True) == ["x", "y"]
        assert branches.exists(tx, world.a_branch("a@x")) and not branches.exists(tx, world.a_branch("a@z"))


def test_an_id_is_no_branch_name(world) -> None:
    id = world.start("a@master").id
    with pytest.raises(InvalidError, match="form of a commit id"), world.db.write() as tx:
        branches.create(tx, world.a_repo("a").branch(id))


def test_a_fresh_set_can_be_asked_for(world) -> None:
    with world.db.write() as tx:
        first = commits.start(tx, world.a_branch("a@master"))
        branches.create(tx, world.a_branch("a@other"), new_commit_set=True)
    assert world.info("a@other").commit.id != first.id
