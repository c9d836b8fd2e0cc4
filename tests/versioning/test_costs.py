"""What operations cost, in SQL statements: counted, not timed, so that nobody makes them dearer unnoticed."""

from __future__ import annotations

import pytest

from hathi.storage.objects.memory import MemoryStore
from hathi.versioning import branches, commit_lists, commits, files, repos


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b", "c")
    world.branch("b@master", "a@master")
    for n in range(5):
        world.put("a@master:/x", b"%d" % n)
        world.put("c@master:/x", b"%d" % n)


def put(world) -> None:
    world.put("c@master:/y")


def put_upstream(world) -> None:
    world.put("a@master:/y")


def put_to_a_new_branch(world) -> None:
    world.put("c@new:/y")


def inspect_head(world) -> None:
    world.info("c@master")


def resolve_head(world) -> None:
    with world.db.read() as tx:
        commits.resolve(tx, world.spec("c@master"))


def resolve_ancestor(world) -> None:
    with world.db.read() as tx:
        commits.resolve(tx, world.spec("c@master^4"))


def start(world) -> None:
    world.start("c@master")


def list_repos(world) -> None:
    list(repos.list_repos(world.store))


def list_commits(world) -> None:
    list(commit_lists.list_commits(world.store, world.a_repo("c")))


def list_branches(world) -> None:
    list(branches.list_branches(world.store, world.a_repo("a")))


def get_a_file(world) -> None:
    world.cat("c@master:/x")


def list_files(world) -> None:
    list(files.list_files(world.store, world.spec("c@master")))


@pytest.mark.parametrize(
    ("operation", "most"),
    [
        (put, 13),
        (put_upstream, 16),
        (put_to_a_new_branch, 12),
        (inspect_head, 4),
        (resolve_head, 1),
        (resolve_ancestor, 2),
        (start, 4),
        (list_repos, 2),
        (list_commits, 4),
        (list_branches, 6),
        (get_a_file, 1),
        (list_files, 1),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_statements(world, operation, most: int) -> None:
    with world.counting() as statements:
        operation(world)
    assert len(statements) <= most, "\n".join(statements)


def test_a_write_into_an_open_commit_costs_the_same_whatever_is_there(world) -> None:
    world.start("c@master")
    costs = []
    for n in range(40):
        with world.counting() as statements:
            world.put(f"c@master:/{n}")
        costs.append(len(statements))
    assert max(costs) <= 12


def test_a_one_off_write_is_one_transaction_and_one_object(world, objects: MemoryStore) -> None:
    before = len(list(objects.list()))
    committed = []
    with world.db.feed.subscribe("commit/") as subscription:
        put(world)
        committed = subscription.wait(0)
    assert len(committed) == 1
    assert len(list(objects.list())) == before + 1
