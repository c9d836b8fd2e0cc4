"""Repos and projects: made once, described again, deleted unless somebody depends on them."""

from __future__ import annotations

import pytest

from hathi.model.errors import ExistsError, InvalidError, NotFoundError, PreconditionError
from hathi.model.references import Repo
from hathi.versioning import branches, deletion, projects, repos


def names(world, **filters) -> list[str]:
    infos = [str(info.repo) for info in repos.list_repos(world.store, **filters)]
    with world.db.read() as tx:
        assert [str(repo) for repo in repos.list_names(tx, **filters)] == infos
    return infos


def delete(world, name: str, **how) -> bool:
    with world.db.write() as tx:
        return repos.delete(tx, world.a_repo(name), **how)


def test_a_repo_is_listed_and_inspected(world) -> None:
    with world.db.write() as tx:
        repos.create(tx, world.a_repo("images"), "pictures")
    with world.db.read() as tx:
        info = repos.inspect(tx, world.a_repo("images"))
    assert (str(info.repo), info.description, info.size, info.branches) == ("default/images", "pictures", 0, ())
    assert names(world) == ["default/images"]


def test_a_second_repo_of_one_name_is_refused(world) -> None:
    world.repos("images")
    with pytest.raises(ExistsError, match=r"^repo default/images already exists$"):
        world.repos("images")


def test_update_changes_the_description_or_makes_the_repo(world) -> None:
    with world.db.write() as tx:
        repos.create(tx, world.a_repo("a"), "one", update=True)
        repos.create(tx, world.a_repo("a"), "two", update=True)
        assert repos.inspect(tx, world.a_repo("a")).description == "two"


def test_a_repo_needs_its_project(world) -> None:
    with pytest.raises(NotFoundError, match='project "none" not found'), world.db.write() as tx:
        repos.create(tx, Repo("none", "a"))


def test_a_missing_repo_is_not_found_and_deleting_it_does_nothing(world) -> None:
    with pytest.raises(NotFoundError, match=r"^repo default/a not found$"), world.db.read() as tx:
        repos.inspect(tx, world.a_repo("a"))
    assert delete(world, "a") is False


def test_bad_names_are_refused(world) -> None:
    with pytest.raises(InvalidError, match="only alphanumeric"), world.db.write() as tx:
        repos.create(tx, Repo("default", "a b"))


def test_the_size_is_that_of_the_head_of_master(world) -> None:
    world.repos("a")
    world.put("a@master:/x", b"12345")
    world.put("a@other:/x", b"1")
    with world.db.read() as tx:
        assert repos.inspect(tx, world.a_repo("a")).size == 5
    [listed] = repos.list_repos(world.store)
    assert (listed.size_upper_bound, listed.size) == (5, None)


def test_a_list_shows_the_newest_first_and_can_be_narrowed(world) -> None:
    world.repos("a", "b", "a.spec")
    with world.db.write() as tx:
        projects.create(tx, "p")
        repos.create(tx, Repo("p", "c"))
    assert names(world) == ["p/c", "default/a.spec", "default/b", "default/a"]
    assert names(world, type="user") == ["p/c", "default/b", "default/a"]
    assert names(world, projects=["p"]) == ["p/c"]


def test_deleting_a_repo_takes_its_commits_branches_and_siblings(world) -> None:
    world.repos("a", "a.spec", "a.meta")
    world.put("a@master:/x")
    world.start("a@other")
    assert delete(world, "a", by_pipeline=True)
    assert names(world) == []
    world.repos("a")
    assert world.log("a") == []


def test_a_repo_of_a_pipeline_is_deleted_with_the_pipeline(world) -> None:
    world.repos("a", "a.spec")
    for name in ("a", "a.spec"):
        with pytest.raises(PreconditionError, match="delete the pipeline instead: default/"):
            delete(world, name)
    assert delete(world, "a", force=True)


def test_a_repo_that_others_are_made_from_is_deleted_by_force_only(world) -> None:
    world.repos("a", "b")
    world.branch("b@master", "a@master")
    with pytest.raises(PreconditionError, match="branch default/b@master is made from default/a@master"):
        delete(world, "a")
    assert delete(world, "a", force=True)
    assert world.head("b@master").provenance == ()
    assert world.info("b@master").direct_provenance == ()


def test_a_project_with_repos_is_deleted_by_force_only(world) -> None:
    with world.db.write() as tx:
        projects.create(tx, "p", "one")
        repos.create(tx, Repo("p", "a"))
    with pytest.raises(ExistsError, match="project p already exists"), world.db.write() as tx:
        projects.create(tx, "p")
    with pytest.raises(PreconditionError, match="still holds 1 repo"), world.db.write() as tx:
        projects.delete(tx, "p")
    with world.db.write() as tx:
        projects.create(tx, "p", "two", update=True)
        assert projects.inspect(tx, "p").description == "two"
        assert projects.delete(tx, "p", force=True)
        assert not projects.delete(tx, "p")
        assert [info.name for info in projects.list_projects(tx)] == ["default"]


def test_the_default_project_stays(world) -> None:
    with pytest.raises(PreconditionError, match="always exists"), world.db.write() as tx:
        projects.delete(tx, "default")


def test_delete_all_leaves_an_empty_default_project(world) -> None:
    world.repos("a", "b", "b.spec")
    world.branch("b@master", "a@master", "b.spec@master")
    world.put("a@master:/x")
    with world.db.write() as tx:
        projects.create(tx, "p")
        repos.create(tx, Repo("p", "c"))
    with world.db.write() as tx:
        deletion.delete_all(tx)
    assert names(world) == []
    with world.db.read() as tx:
        assert [info.name for info in projects.list_projects(tx)] == ["default"]


def test_a_repo_made_and_deleted_in_one_transaction_tells_nobody(world) -> None:
    told = []
    world.store.steps.on_new_commits(400, lambda tx, new: told.extend(new))
    with world.db.write() as tx:
        repos.create(tx, world.a_repo("a"))
        branches.create(tx, world.a_branch("a@master"))
        repos.delete(tx, world.a_repo("a"))
    assert told == []
