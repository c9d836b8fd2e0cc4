"""Every statement of everyday journeys finds its rows by an index: no growing table is scanned, and nothing is sorted.

The statements are recorded while a world of pipelines lives through the journeys, and then the database is asked how it
would run them. SQLite plans by the indexes that there are. PostgreSQL plans by what is in the tables, so they are
filled first, and it is forbidden what would be dear in large ones.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from itertools import islice, pairwise

import pytest
from aged import age
from sqlalchemy import event, insert, select, text

from hathi.metadata.tables import metadata
from hathi.metadata.tables.pfs import branch_provenance
from hathi.metadata.tables.pfs import branches as branches_table
from hathi.metadata.tables.pfs import repos as repos_table
from hathi.metadata.tables.pps import SetKind
from hathi.model.ids import new_id
from hathi.model.infos import Origin
from hathi.model.pps import JobState
from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import definitions, job_waits, jobs, listing
from hathi.pipelines.rows import jobs as job_rows
from hathi.pipelines.rows import sets
from hathi.pipelines.rows.sets import NewSet
from hathi.versioning import branches, commit_lists, commits, projects, repos, waiting
from hathi.versioning.errors import WaitEnded

DATA = Repo("default", "data")
COPY = Pipeline("default", "copy")

SMALL = {
    "projects": "few, and listed whole",
    "transactions": "those that clients have open",
    "catalogue": "one row",
    "storage_usage": "one row",
    "repos": "listed whole by name only when all of them are deleted; else by an index",
    "pipelines": "walked whole when the server starts, and when all of them are deleted",
    "alembic_version": "one row",
}
"""Tables that may be scanned, and why."""

OTHERS = ("packs", "pack_indexes", "leases", "holders", "processes", "sessions", "condemned", "garbage", "ledger")
"""Beginnings of the names of tables that belong to the pack ledger, whose costs have tests of their own."""

PARTIAL = {
    "ix_commits_closing": "commits that are closed and not finished",
    "ix_jobs_unfinished": "jobs that have not ended",
}
"""Partial indexes that may be read whole, as they hold only what is at work."""

MOST = 2000
"""So many of the 3000 jobs there are are most of them."""

ALLOWED: tuple[tuple[str, str], ...] = (
    (
        r"SELECT DISTINCT repos.project, .* FROM repos JOIN branches .* branch_provenance",
        "the users of deleted branches",
    ),
)
"""Patterns of statements that may do otherwise, each with its reason."""


@contextmanager
def recorded(db):
    """Collect each statement run inside the block, with values it ran with."""
    statements: dict[str, object] = {}

    def note(connection, cursor, statement, parameters, context, many):
        if statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")):
            statements.setdefault(statement, parameters[0] if many and parameters else parameters)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def live(world):
    """Journeys: what people, workers and controllers do all day."""
    store = world.store

    def listed(items, number=5):
        return list(islice(items, number))

    def read(look):
        with world.db.read() as tx:
            return look(tx)

    def write(do):
        with world.db.write() as tx:
            return do(tx)

    first = world.put("data", {"/b": "1"})
    spec = CommitSpec(DATA, branch="master")
    write(lambda tx: projects.create(tx, "side"))
    write(lambda tx: repos.create(tx, Repo("side", "r"), "text"))
    write(lambda tx: branches.create(tx, DATA.branch("other"), spec))
    write(lambda tx: branches.create(tx, Repo("side", "r").branch("m"), provenance=[DATA.branch("other")]))
    started = write(lambda tx: commits.start(tx, DATA.branch("other")))
    write(lambda tx: commits.finish(tx, CommitSpec(DATA, id=started.id), error="bad"))
    open_one = write(lambda tx: commits.start(tx, DATA.branch("other")))
    write(lambda tx: commits.clear(tx, CommitSpec(DATA, id=open_one.id)))
    write(lambda tx: commits.finish(tx, CommitSpec(DATA, id=open_one.id)))
    world.pipeline("second", "copy")
    world.settle()
    world.put("data", {"/c": "1"})
    world.controllers.settle()
    claim = world.claim("default/copy/v1")
    world.claim("default/copy/v1", "other")
    listed(jobs.list_jobs(store, details=True, number=3))
    world.report(claim)
    world.settle()
    last = world.put("data", {"/d": "1"})
    world.controllers.settle()
    job = jobs.list_jobs(store, pipeline=COPY, number=1)
    [info] = list(job)
    write(lambda tx: jobs.stop(tx, info.job))
    world.settle()
    running = job_running(world)
    write(lambda tx: jobs.update_state(tx, running, JobState.RUNNING, "x"))
    world.settle()
    write(lambda tx: jobs.delete(tx, info.job))
    when = info.created
    listed(jobs.list_jobs(store, projects=["default", "side"]))
    listed(jobs.list_jobs(store, pipeline=COPY, history=0))
    for reverse in (False, True):
        listed(jobs.list_jobs(store, before=when, reverse=reverse))
        listed(jobs.list_jobs(store, pipeline=COPY, before=when, reverse=reverse))
        listed(jobs.list_jobs(store, inputs=[CommitSpec(DATA, id=first)], reverse=reverse))
        listed(commit_lists.list_commits(store, DATA, reverse=reverse, started_before=when))
        listed(commit_lists.list_commits(store, DATA, reverse=reverse, origin=Origin.USER))
        listed(branches.list_branches(store, DATA, reverse=reverse))
    listed(jobs.list_jobs(store, inputs=[CommitSpec(DATA, id=first), CommitSpec(DATA, id=last)]))
    listed(jobs.list_sets(store))
    listed(job_waits.wait_set(store, first))
    listed(listing.list_pipelines(store))
    listed(listing.list_pipelines(store, projects=["default"], name="copy", history=-1))
    listed(listing.list_pipelines(store, commit_set=first))
    listing.datums_kept(store, COPY)
    listed(commit_lists.list_commits(store, DATA, to=spec, from_=CommitSpec(DATA, branch="master~3")))
    listed(commit_lists.list_commits(store, DATA, to=spec, origin=Origin.AUTO))
    listed(commit_lists.list_commit_sets(store))
    listed(commit_lists.list_commit_sets(store, "default"))
    listed(repos.list_repos(store))
    listed(repos.list_repos(store, projects=["default"], type="user"))
    read(lambda tx: commits.inspect(tx, CommitSpec(DATA, branch="master~7")))
    read(lambda tx: commits.inspect(tx, CommitSpec(Repo("default", "copy"), id=first)))
    read(lambda tx: commits.good_ancestor(tx, commits.resolve(tx, CommitSpec(DATA, branch="other"))))
    read(lambda tx: commits.commit_set(tx, first))
    read(lambda tx: branches.inspect(tx, DATA.branch("master")))
    read(lambda tx: repos.inspect(tx, DATA))
    for branch, origin in (("", None), ("master", None), ("", Origin.USER), ("master", Origin.USER)):
        listed(waiting.subscribe(store, DATA, branch, origin=origin), 2)
    waiting.wait_commit(store, spec)
    with pytest.raises(WaitEnded):
        list(job_waits.subscribe(store, COPY, cancelled=lambda: True))
    world.pipeline("copy", update=True, reprocess=True)
    world.settle()
    write(lambda tx: definitions.stop(tx, COPY))
    write(lambda tx: definitions.start(tx, COPY))
    world.settle()
    with pytest.raises(Undone), world.db.write() as tx:
        branches.delete(tx, Repo("side", "r").branch("m"))
        branches.delete(tx, DATA.branch("other"))
        definitions.delete(tx, Pipeline("default", "second"))
        definitions.delete(tx, COPY, keep_repo=True)
        projects.delete(tx, "side", force=True)
        repos.delete(tx, DATA, force=True)
        tx.run_steps()
        raise Undone


class Undone(Exception):
    """What was deleted is there again, so that plans are made for tables that are full."""


def fill(world):
    """Leave many branches, made from one another, and a job with many sets."""
    with world.db.write() as tx:
        [repo] = tx.connection.execute(select(repos_table.c.id).where(repos_table.c.name == "r")).scalars()
        head = tx.connection.execute(select(branches_table.c.head).limit(1)).scalar_one()
        named = {"repo_id": repo, "head": head, "created": tx.now}
        tx.connection.execute(insert(branches_table), [{**named, "name": f"b{n}"} for n in range(3000)])
        ids = list(tx.connection.execute(select(branches_table.c.id)).scalars())
        edges = [{"branch_id": b, "provenance_id": a, "position": 0} for a, b in pairwise(ids[-2000:])]
        tx.connection.execute(insert(branch_provenance), edges)
    job = job_running(world)
    with world.db.write() as tx:
        row = job_rows.get(tx, job)
        payload = sets.payload(tx, row.id, 0)
        sets.insert_rows(tx, row, [NewSet(1000 + n, SetKind.RUN, 1, payload) for n in range(3000)])
        held = [sets.claimable(tx, row.pipeline_id, row.version)]
        for one in held:
            assert one is not None
            sets.claim(tx, one, "c" * 32, "w", tx.now)


def job_running(world):
    world.put("data", {f"/{new_id()}": "1"})
    world.controllers.settle()
    return next(jobs.list_jobs(world.store, pipeline=COPY, number=1)).job


def growing(table: str) -> bool:
    return table in metadata.tables and table not in SMALL and not table.startswith(OTHERS)


def sqlite_faults(connection, statement, parameters):
    """What the plan does that grows with a table."""
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        detail = row[3]
        scan = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", detail)
        if scan and scan[2] not in PARTIAL and growing(table_of(scan[1], statement)) and not walks(statement, scan[1]):
            yield detail
        if detail.startswith("USE TEMP B-TREE"):
            yield detail


def table_of(name: str, statement: str) -> str:
    """The table that a name in a plan stands for."""
    alias = re.search(rf"(\w+) AS \"?{name}\"?\b", statement)
    return alias[1] if alias else name


def walks(statement: str, table: str) -> bool:
    """Whether a statement reads a table in the order of its keys, and only as far as its limit, filtering nothing."""
    return bool(re.search(rf"ORDER BY {table}\.id( DESC)?\s+LIMIT", statement)) and "WHERE" not in statement


def postgres_faults(connection, statement, parameters):
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
    connection.exec_driver_sql("SET LOCAL enable_sort = off")
    connection.exec_driver_sql("SET LOCAL enable_hashjoin = off")
    connection.exec_driver_sql("SET LOCAL enable_mergejoin = off")
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    yield from node_faults(plan[0]["Plan"], statement, limited=False)


def node_faults(node, statement, *, limited):
    kind, table = node["Node Type"], node.get("Relation Name", "")
    if kind == "Seq Scan" and growing(table):
        yield f"Seq Scan on {table}"
    if kind in ("Sort", "Incremental Sort"):
        yield f"{kind} by {node['Sort Key']}"
    whole = kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
    # In the order of a list, as far as its limit, and as good as all of it is wanted by what the statistics say.
    limited = limited and ("Filter" not in node or node["Plan Rows"] >= MOST)
    if whole and growing(table) and node["Index Name"] not in PARTIAL and not limited:
        yield f"{kind} of all of {node['Index Name']}"
    for child in node.get("Plans", ()):
        yield from node_faults(child, statement, limited=limited or kind == "Limit")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM jobs WHERE reason = 'x'",
        "SELECT id FROM commits WHERE repo_id = 1 AND branch = 'b' ORDER BY description",
        "DELETE FROM datum_sets WHERE worker = 'w'",
        "SELECT a.id FROM commits AS a JOIN commits AS b ON b.description = a.description WHERE a.id = 1",
    ],
)
def test_what_scans_or_sorts_is_found(world, statement):
    faults_of = postgres_faults if world.db.postgres else sqlite_faults
    with world.db.engine.connect() as connection, connection.begin():
        assert list(faults_of(connection, statement, ()))


def test_no_statement_scans_a_growing_table_or_sorts(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    world.settle()
    world.clock.advance(1)
    age(world.db, "copy", "data", 3000 if world.db.postgres else 30)
    world.clock.advance(100)
    with recorded(world.db) as statements:
        live(world)
    if world.db.postgres:
        fill(world)
        with world.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    faults_of = postgres_faults if world.db.postgres else sqlite_faults
    found = []
    for statement, parameters in statements.items():
        if statement.upper().startswith("INSERT") and " SELECT " not in statement.upper():
            continue
        if any(re.search(pattern, " ".join(statement.split())) for pattern, _ in ALLOWED):
            continue
        with world.db.engine.connect() as connection, connection.begin():
            faults = list(faults_of(connection, statement, parameters))
        found += [f"{fault}\n    {' '.join(statement.split())}" for fault in faults]
    assert len(statements) > 100
    assert not found, "\n".join(found)
