"""After ten thousand jobs everything costs what it costs after ten: counted in steps of SQLite, and in statements."""

from __future__ import annotations

from itertools import islice

import pytest
from aged import age
from databases import server
from visits import counting_steps

from hathi.model.infos import Origin
from hathi.model.references import CommitSpec, Job, Pipeline, Repo
from hathi.pipelines import job_waits, jobs, listing
from hathi.pipelines.controllers import job as controller
from hathi.versioning import branches, commit_lists, commits, repos, waiting

COPY = Pipeline("default", "copy")
DATA = Repo("default", "data")
YOUNG, OLD = 30, 10_000

pytestmark = pytest.mark.skipif(bool(server()), reason="steps are counted in SQLite")


def first(number, items):
    return list(islice(items, number))


def new_job(world):
    """Put one more file and return the job that it makes, running, with a set that can be claimed."""
    world.number = getattr(world, "number", 0) + 1
    id = world.put("data", {f"/new{world.number}": "x"})
    world.controllers.settle()
    return Job(COPY, id)


def spec(text):
    return CommitSpec(DATA, branch=text)


def subscription(world, branch=""):
    """A subscriber who has seen everything: it waits, and looks when it is woken."""
    wakes = []

    def stop_when_idle():
        return bool(wakes) and wakes[0] == 0

    with world.db.read() as tx:
        last = commits.inspect(tx, spec("master")).commit
    return waiting.subscribe(
        world.store, DATA, branch, from_=CommitSpec(DATA, id=last.id), on_leave=wakes.append, cancelled=stop_when_idle
    )


def measured(world):
    """Steps of each operation, by name."""
    counts = {}

    def cost(name, operation):
        with counting_steps(world.db) as steps:
            result = operation()
        counts[name] = steps.count
        return result

    def read(look):
        with world.db.read() as tx:
            return look(tx)

    store = world.store
    middle = jobs_in_the_middle(world)
    deep = world.depth // 2
    cost("list job", lambda: first(10, jobs.list_jobs(store, number=10)))
    cost("list job, details", lambda: first(10, jobs.list_jobs(store, number=10, details=True)))
    cost("list job, oldest first", lambda: first(10, jobs.list_jobs(store, number=10, reverse=True)))
    cost("list job, project", lambda: first(10, jobs.list_jobs(store, projects=["default", "x"], number=10)))
    cost("list job, pipeline", lambda: first(10, jobs.list_jobs(store, pipeline=COPY, number=10)))
    cost("list job, version", lambda: first(10, jobs.list_jobs(store, pipeline=COPY, history=0, number=10)))
    cost("list job, before", lambda: first(10, jobs.list_jobs(store, before=middle.created, number=10)))
    cost(
        "list job, pipeline, after",
        lambda: first(10, jobs.list_jobs(store, pipeline=COPY, before=middle.created, number=10, reverse=True)),
    )
    read_by = CommitSpec(DATA, id=middle.job.id)
    found = cost("list job, input", lambda: list(jobs.list_jobs(store, inputs=[read_by])))
    assert [one.job for one in found] == [middle.job]
    cost("list job sets", lambda: first(3, jobs.list_sets(store, number=3)))
    cost("inspect job", lambda: read(lambda tx: jobs.inspect(tx, middle.job)))
    cost("inspect job set", lambda: read(lambda tx: jobs.inspect_set(tx, middle.job.id)))
    cost("inspect pipeline", lambda: read(lambda tx: listing.inspect(tx, COPY)))
    cost("list pipeline", lambda: list(listing.list_pipelines(store)))
    cost("datums kept", lambda: listing.datums_kept(store, COPY))
    cost("list repo", lambda: list(repos.list_repos(store)))
    cost("list branch", lambda: list(branches.list_branches(store, DATA)))
    cost("inspect repo", lambda: read(lambda tx: repos.inspect(tx, DATA)))
    for name, how in {
        "": {},
        ", oldest first": {"reverse": True},
        ", origin": {"origin": Origin.USER},
        ", none of an origin": {"origin": Origin.FSCK},
        ", before": {"started_before": middle.created},
        ", to": {"to": spec(f"master~{deep}")},
        ", to, of an origin": {"to": spec("master"), "origin": Origin.AUTO},
        ", from and to": {"from_": spec(f"master~{deep + 3}"), "to": spec(f"master~{deep}")},
    }.items():
        cost(f"list commit{name}", lambda how=how: list(commit_lists.list_commits(store, DATA, number=10, **how)))
    cost("list commit sets", lambda: first(3, commit_lists.list_commit_sets(store, number=3)))
    cost("list commit sets, project", lambda: first(3, commit_lists.list_commit_sets(store, "default", number=3)))
    cost("resolve ancestor", lambda: read(lambda tx: commits.resolve(tx, spec(f"master~{deep}"))))
    cost("resolve the first", lambda: read(lambda tx: commits.resolve(tx, spec("master.1"))))
    cost("good ancestor", lambda: read(lambda tx: commits.good_ancestor(tx, commits.resolve(tx, spec("master")))))

    seen = subscription(world)
    on_branch = subscription(world, "master")
    of_jobs = job_waits.subscribe(store, COPY)
    job = cost("put and plan", lambda: new_job(world))
    assert cost("subscriber woken", lambda: next(seen)).commit.id == job.id
    assert cost("subscriber of a branch woken", lambda: next(on_branch)).commit.id == job.id
    assert cost("subscriber of jobs", lambda: next(of_jobs)).job == job
    cost("look at a job", lambda: controller.reconcile(store, job))
    claim = cost("claim", lambda: world.claim("default/copy"))
    cost("report", lambda: world.report(claim))
    cost("finish", world.controllers.settle)
    assert cost("wait for a job", lambda: job_waits.wait(store, job)).state.terminal
    for subscriber in (seen, on_branch, of_jobs):
        subscriber.close()
    return counts


def jobs_in_the_middle(world):
    listed = list(jobs.list_jobs(world.store, pipeline=COPY))
    world.depth = len(listed)
    return listed[len(listed) // 2]


ALONG = {"list commit, to", "list commit, from and to", "resolve ancestor", "resolve the first"}
"""Operations that find an ancestor: their steps grow with the logarithm."""


def test_no_operation_costs_more_after_ten_thousand_jobs(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.settle()
    world.clock.advance(1)
    age(world.db, "copy", "data", YOUNG)
    world.clock.advance(100)
    measured(world)  # what is only done the first time
    young = measured(world)
    age(world.db, "copy", "data", OLD)
    world.clock.advance(1000)
    old = measured(world)
    dearer = {
        name: (young[name], old[name])
        for name in young
        if old[name] > young[name] * (5 if name in ALONG else 1.2) + 100
    }
    assert not dearer, "\n".join(f"{name}: {costs}" for name, costs in dearer.items())


def test_a_base_behind_many_failed_commits_costs_what_it_costs_behind_few(world):
    counts = []
    world.put("data", {"/a": "1"})
    for number in (4, 400):
        for _ in range(number):
            with world.db.write() as tx:
                started = commits.start(tx, DATA.branch("master"))
                commits.finish(tx, CommitSpec(DATA, id=started.id), error="bad")
        with world.db.read() as tx, counting_steps(world.db):
            pass
        with counting_steps(world.db) as steps, world.db.read() as tx:
            head = commits.resolve(tx, spec("master"))
            assert commits.good_ancestor(tx, head) is not None
        counts.append(steps.count)
    assert counts[1] <= counts[0] + 50


def test_a_base_before_many_killed_jobs_costs_what_it_costs_before_few(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.settle()
    counts = []
    for number in (70, 140):
        while len(world.jobs("copy")) < number:
            job = new_job(world)
            with world.db.write() as tx:
                jobs.stop(tx, job)
            world.controllers.settle()
        with counting_steps(world.db) as steps:
            job = new_job(world)
        counts.append(steps.count)
        with world.db.write() as tx:
            jobs.stop(tx, job)
        world.controllers.settle()
    assert counts[1] <= counts[0] * 1.1 + 100


def test_statements_of_a_put_do_not_grow_with_the_number_of_subscribers(world):
    """Each of three hundred subscribers sees the commit; one of them looks for all."""
    world.put("data", {"/a": "1"})
    counts = []
    for number in (1, 300):
        subscribers = [subscription(world) for _ in range(number)]
        with world.db.feed.subscribe("commit/"):
            pass
        with counting_steps(world.db) as steps:
            id = world.put("data", {"/b": str(number)})
            assert {next(subscriber).commit.id for subscriber in subscribers} == {id}
        counts.append(len([text for text in steps.statements if text.startswith(("SELECT", "WITH"))]))
        for subscriber in subscribers:
            subscriber.close()
    # Each subscriber resolves where it begins; the look itself is made once.
    per_subscriber = (counts[1] - counts[0]) / 299
    assert per_subscriber <= 2
