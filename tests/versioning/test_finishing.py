"""Finishing: a closed commit becomes FINISHED whatever dies in between, its parent before it."""

from __future__ import annotations

import pytest

from hathi.model.errors import UnavailableError
from hathi.model.infos import CommitState
from hathi.storage.objects.interface import StorageUnavailable
from hathi.supervision import Backoff, Supervisor
from hathi.versioning import commits, finishing, waiting
from hathi.versioning.finishing import Finisher


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b")


def closed(world, text: str, data: bytes = b"1"):
    commit = world.start(text.split(":")[0])
    world.put(text, data)
    return world.finish(f"{commit.repo.name}@{commit.id}", fold=False)


def test_a_closed_commit_is_folded_into_its_parents_tree(world) -> None:
    closed(world, "a@master:/x", b"1")
    closed(world, "a@master:/y", b"22")
    assert finishing.fold_all(world.store) == 2
    assert world.files("a@master") == {"/x": b"1", "/y": b"22"}
    assert (world.info("a@master^").size, world.info("a@master").size) == (1, 3)
    assert finishing.fold_all(world.store) == 0


def test_what_a_crash_left_over_is_folded_by_the_next_process(world, another) -> None:
    closed(world, "a@master:/x", b"1")
    assert finishing.fold_all(another.store) == 1
    assert world.files("a@master") == {"/x": b"1"}


def test_a_fold_that_could_not_be_stored_is_done_again(world, monkeypatch) -> None:
    closed(world, "a@master:/x", b"1")
    with monkeypatch.context() as broken:
        broken.setattr(finishing, "fold", _unavailable)
        with pytest.raises(StorageUnavailable):
            finishing.fold_all(world.store)
    assert world.info("a@master").finished is None
    assert finishing.fold_all(world.store) == 1


def _unavailable(*args) -> bytes:
    raise StorageUnavailable("packs/1", "it does not answer")


def test_a_collision_becomes_the_error_of_the_commit(world) -> None:
    world.put("a@master:/x", b"1")
    closed(world, "a@master:/x/y")
    finishing.fold_all(world.store)
    info = world.info("a@master")
    assert info.error == "file / directory path collision (/x/y)" and info.size == 0
    assert world.files("a@master") == {}
    world.put("a@master:/z", b"2")
    assert world.files("a@master") == {"/x": b"1", "/z": b"2"}


def test_a_child_waits_for_its_parent(world) -> None:
    world.branch("b@master", "a@master")
    world.put("b@master:/x", b"1")
    world.start("a@master")
    world.put("b@master:/y", b"2")
    world.finish("b@master", fold=False)
    assert finishing.fold_all(world.store) == 0
    world.finish("b@master^")
    assert world.files("b@master") == {"/x": b"1", "/y": b"2"}


def test_a_commit_deleted_meanwhile_is_left_alone(world, another, monkeypatch) -> None:
    from hathi.versioning import repos

    closed(world, "a@master:/x")
    plain = finishing.fold

    def fold(*args):
        with another.db.write() as tx:
            repos.delete(tx, another.a_repo("a"))
        return plain(*args)

    monkeypatch.setattr(finishing, "fold", fold)
    finishing.fold_all(world.store)
    with world.db.read() as tx:
        assert not repos.exists(tx, world.a_repo("a"))


def test_the_controller_folds_what_is_closed_before_and_after_it_starts(world) -> None:
    first = closed(world, "a@master:/x")
    finisher = Finisher(world.store, Supervisor())
    finisher.start()
    try:
        waiting.wait_commit(world.store, world.spec(f"a@{first.id}"), CommitState.FINISHED)
        second = closed(world, "b@master:/x")
        third = closed(world, "b@master:/y")
        waiting.wait_commit(world.store, world.spec(f"b@{third.id}"), CommitState.FINISHED)
        assert world.info(f"b@{second.id}").finished
    finally:
        finisher.stop()


def test_a_pipelines_own_finish_wakes_children_that_wait_to_be_folded(world) -> None:
    world.branch("b@master", "a@master")
    parent = world.info("b@master").commit
    world.start("a@master")
    world.put("b@master:/y", b"2")
    child = world.finish("b@master", fold=False)
    finisher = Finisher(world.store, Supervisor())
    finisher.start()
    try:
        with world.db.write() as tx:
            commits.finish_output(tx, parent, finishing.EMPTY_ROOT, 0)
        waiting.wait_commit(world.store, world.spec(f"b@{child.id}"), CommitState.FINISHED)
    finally:
        finisher.stop()


def start_finisher(world, monkeypatch, broken, error=None, threads=2):
    """Start a finisher with quick tries in whose hands the folds of `broken` fail."""
    plain = finishing.fold_one

    def fold_one(store, commit):
        if commit.repo.name in broken:
            raise error or StorageUnavailable("packs/1", "it does not answer")
        plain(store, commit)

    monkeypatch.setattr(finishing, "fold_one", fold_one)
    finisher = Finisher(world.store, Supervisor(backoff=Backoff(0.01, 0.02)), threads)
    finisher.start()
    return finisher


class Bang(BaseException):
    """What nobody foresees."""


@pytest.mark.parametrize("error", [None, KeyError("x"), MemoryError(), Bang()], ids=repr)
def test_commits_that_cannot_be_finished_starve_no_others_and_end_no_thread(world, monkeypatch, error) -> None:
    world.repos("c")
    first, second = closed(world, "a@master:/x"), closed(world, "b@master:/x")
    broken = {"a", "b"}
    finisher = start_finisher(world, monkeypatch, broken, error)
    try:
        third = closed(world, "c@master:/x")
        waiting.wait_commit(world.store, world.spec(f"c@{third.id}"), CommitState.FINISHED)
        assert not world.info(f"a@{first.id}").finished and not world.info(f"b@{second.id}").finished
        broken.clear()
        for commit in (first, second):
            waiting.wait_commit(world.store, world.spec(f"{commit.repo.name}@{commit.id}"), CommitState.FINISHED)
    finally:
        finisher.stop()


def test_a_commit_that_cannot_be_finished_has_its_reason_until_it_can(world, monkeypatch) -> None:
    commit = closed(world, "a@master:/x")
    broken = {"a"}
    finisher = start_finisher(world, monkeypatch, broken, threads=1)
    try:
        other = closed(world, "b@master:/x")
        waiting.wait_commit(world.store, world.spec(f"b@{other.id}"), CommitState.FINISHED)
        failure = finisher.failure(commit)
        assert failure is not None and "packs/1" in failure.reason and failure.subject == f"commit {commit}"
        broken.clear()
        waiting.wait_commit(world.store, world.spec(f"a@{commit.id}"), CommitState.FINISHED)
    finally:
        finisher.stop()
    assert finisher.failure(commit) is None


def test_events_that_cannot_be_read_are_read_again(world, monkeypatch) -> None:
    read, failures = finishing._due_after, iter([KeyError("x"), UnavailableError("the database is away"), Bang()])

    def due_after(tx, topics):
        for error in failures:
            raise error
        return read(tx, topics)

    monkeypatch.setattr(finishing, "_due_after", due_after)
    finisher = start_finisher(world, monkeypatch, set())
    try:
        commit = closed(world, "a@master:/x")
        waiting.wait_commit(world.store, world.spec(f"a@{commit.id}"), CommitState.FINISHED)
    finally:
        finisher.stop()


def test_finding_what_an_event_concerns_costs_the_same_among_many_commits(world) -> None:
    def read(count: int) -> int:
        for _ in range(count):
            closed(world, "a@master:/x")
            finishing.fold_all(world.store)
        commit = closed(world, "b@master:/x")
        with world.db.read() as tx, world.counting() as statements:
            due = finishing._due_after(tx, {f"closing/default/b.user/{commit.id}"})
        assert due == [commit]
        finishing.fold_all(world.store)
        return len(statements)

    assert read(1) == read(50) == 2
