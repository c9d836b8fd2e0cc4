"""A store that has worked for years costs what a new one costs: counted, not timed."""

from __future__ import annotations

import databases
import pytest
from aging import CENTURY, Age, age
from visits import counting_steps

from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import jobs, listing
from hathi.pipelines.logs import LogFilter
from hathi.storage.objects.counting import CountingStore
from hathi.versioning import commit_lists, commits, repos

COPY = Pipeline("default", "copy")
DATA, PLAIN = Repo("default", "data"), Repo("default", "plain")

pytestmark = pytest.mark.skipif(bool(databases.server()), reason="the steps of a database are counted on SQLite")

FEW = 3
"""How many of a long list are asked for."""


@pytest.fixture
def used(world):
    """A store with one pipeline, whose files are all there are going to be."""
    world.objects = CountingStore(world.objects)
    world.crash()
    world.repo("plain")
    every = {f"/{number:03}": "first" for number in range(50)}
    world.put("data", every)
    world.put("plain", every)
    world.pipeline("copy")
    world.settle()
    return world


def put(world):
    world.put("plain", {"/007": f"put {world.db.clock()}"})


def one_more_file(world):
    world.put("data", {"/008": f"put {world.db.clock()}"})
    world.settle()
    [*_, last] = world.took()
    assert last == "data:/008"


def look_at_lists(world):
    assert len(list(jobs.list_jobs(world.store, pipeline=COPY, number=FEW))) == FEW
    assert len(list(commit_lists.list_commits(world.store, DATA, number=FEW))) == FEW
    assert len(list(repos.list_repos(world.store, type="user"))) == 3
    with world.db.read() as tx:
        listing.inspect(tx, COPY)
        commits.inspect(tx, CommitSpec(DATA, branch="master^2"))


def read_logs_of_a_job(world):
    job = f"{1:032x}"
    assert len(list(world.logs.get(LogFilter(pipeline=COPY, job=job)))) == 100


def start(world):
    world.crash()
    world.controllers.settle()


OPERATIONS = (put, one_more_file, look_at_lists, read_logs_of_a_job, start)


def costs(world, operation) -> dict[str, int]:
    """What an operation costs in steps of the database, statements, calls and bytes of the object store."""
    world.clock.advance(1)
    before = dict(world.objects.calls), dict(world.objects.bytes)
    if operation is start:  # opens the database anew, so that its steps cannot be counted from outside
        operation(world)
        steps, statements = 0, 0
    else:
        with counting_steps(world.db) as counted:
            operation(world)
        steps, statements = counted.count, len(counted.statements)
    spent = {name: world.objects.calls[name] - before[0].get(name, 0) for name in world.objects.calls}
    moved = {f"{name} bytes": world.objects.bytes[name] - before[1].get(name, 0) for name in world.objects.bytes}
    return {"steps": steps, "statements": statements} | spent | moved


def all_costs(world) -> dict[str, dict[str, int]]:
    found = {}
    for operation in OPERATIONS:
        if operation is not start:
            costs(world, operation)  # the first one fills caches
        found[operation.__name__] = costs(world, operation)
    return found


def check(world, by: Age) -> None:
    young = Age(commits=40, jobs=20, lines=400, lives=4)
    age(world.store, world.logs, COPY, DATA, PLAIN, young)
    world.settle()
    world.took()
    fresh = all_costs(world)
    age(world.store, world.logs, COPY, DATA, PLAIN, by, first_life=young.lives)
    world.settle()
    world.took()
    aged = all_costs(world)
    grown = {
        (operation, what): (amount, aged[operation].get(what, 0))
        for operation, spent in fresh.items()
        for what, amount in spent.items()
        if aged[operation].get(what, 0) > 1.5 * amount + SLACK[what.split()[-1]]
    }
    assert not grown, grown


SLACK = {"steps": 500, "statements": 5, "put": 2, "get": 8, "size": 2, "list": 2, "delete": 2, "bytes": 200_000}
"""What may come on top, since merging packs leaves some to be opened now and then."""


def test_ten_times_the_history_costs_no_more(used):
    check(used, Age(commits=600, jobs=300, lines=6_000, lives=60))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_years_of_history_cost_no_more(used):
    check(used, CENTURY)
