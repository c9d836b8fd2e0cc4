"""Lists of jobs, page by page, with every filter turned into a range of keys.

Keys grow with time, so that a time or a version stands for a key, and a page costs what it returns wherever in the
history it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice

from sqlalchemy import bindparam, exists, select

from hathi.metadata.paging import batched
from hathi.metadata.tables.pfs import commit_provenance, commits, repos
from hathi.metadata.tables.pps import jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.references import USER
from hathi.pipelines.rows.jobs import NEVER, VISIBLE, JobRow, read, row_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs a list holds, hidden ones never; what is given narrows it.

    projects: of these. pipeline_id, from_version: of a pipeline, of this version or later. reading: keys of commits
    that their output commits have provenance on, all of them. before: created before that time, or after it when the
    oldest come first. oldest_first: the order, by time of creation.
    """

    projects: tuple[str, ...] = ()
    pipeline_id: int | None = None
    from_version: int = 0
    reading: tuple[int, ...] = ()
    before: datetime | None = None
    oldest_first: bool = False


def page(tx: Transaction, wanted: Wanted, after: int | None, number: int) -> tuple[list[JobRow], int | None]:
    """Return up to `number` jobs, and the key behind which the next page begins; None when there is none.

    after: such a key, None for the first page. Every filter is a range of some index, so that a page costs what it
    returns, wherever in the history it is.
    """
    bounds = _bounds(tx, wanted)
    if bounds is None:
        return [], None
    if wanted.reading:
        found, next_after = _reading(tx, wanted, bounds, after, number)
    else:
        found, next_after = _listed(tx, wanted, bounds.behind(after, wanted), number)
    # A clock that was set back may have put later jobs before the marker's time.
    return [row for row in found if _in_time(row, wanted)], next_after


def first_of_version(tx: Transaction, pipeline_id: int, version: int) -> int | None:
    """Return the key of the first job of a pipeline that runs with this version or a later one, None without any."""
    named = {"the_pipeline": pipeline_id, "the_version": version}
    found: int | None = tx.connection.execute(_FIRST_OF_VERSION, named).scalar()
    return found


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Keys between which jobs are listed, themselves left out."""

    low: int = 0
    high: int = NEVER

    def behind(self, after: int | None, wanted: Wanted) -> _Bounds:
        if after is None:
            return self
        return _Bounds(max(self.low, after), self.high) if wanted.oldest_first else _Bounds(self.low, after)


def _bounds(tx: Transaction, wanted: Wanted) -> _Bounds | None:
    """Return the keys that the times and versions asked for stand for, as keys grow with both; None for no job."""
    low, high = 0, NEVER
    if wanted.from_version:
        first = None
        if wanted.pipeline_id is not None:
            first = first_of_version(tx, wanted.pipeline_id, wanted.from_version)
        if first is None:
            return None
        low = first - 1
    if wanted.before is not None:
        statement = _LAST_UNTIL if wanted.oldest_first else _FIRST_SINCE
        found = tx.connection.execute(statement, {"the_time": wanted.before}).scalar()
        if found is not None and wanted.oldest_first:
            low = max(low, found)
        elif found is not None:
            high = found
    return _Bounds(low, high)


def _listed(tx: Transaction, wanted: Wanted, bounds: _Bounds, number: int) -> tuple[list[JobRow], int | None]:
    order = jobs.c.id.asc() if wanted.oldest_first else jobs.c.id.desc()
    statement = VISIBLE.where(jobs.c.id > bounds.low, jobs.c.id < bounds.high).order_by(order).limit(number)
    projects = tuple(dict.fromkeys(wanted.projects))
    if wanted.pipeline_id is not None:
        statements = [statement.where(jobs.c.pipeline_id == wanted.pipeline_id)]
    else:
        statements = [statement.where(jobs.c.project == name) for name in projects] or [statement]
    lists = [
        [row for row in read(tx, one) if not projects or row.job.pipeline.project in projects] for one in statements
    ]
    found = list(islice(merge(*lists, key=lambda row: row.id, reverse=not wanted.oldest_first), number))
    return found, found[-1].id if len(found) == number else None


def _reading(
    tx: Transaction, wanted: Wanted, bounds: _Bounds, after: int | None, number: int
) -> tuple[list[JobRow], int | None]:
    """Return a page of the jobs that read some commits; its keys are those of output commits, which grow alike."""
    newest, *others = sorted(set(wanted.reading), reverse=True)
    edge = commit_provenance.c
    statement = select(edge.commit_id).where(edge.provenance_id == newest)
    for other in others:
        also = commit_provenance.alias()
        same = (also.c.commit_id == edge.commit_id) & (also.c.provenance_id == other)
        statement = statement.where(exists().where(same).correlate(commit_provenance))
    if after is not None:
        statement = statement.where(edge.commit_id > after if wanted.oldest_first else edge.commit_id < after)
    order = edge.commit_id.asc() if wanted.oldest_first else edge.commit_id.desc()
    made = list(tx.connection.execute(statement.order_by(order).limit(number)).scalars())
    rows = (row for batch in batched(made) for row in tx.connection.execute(_FILLING, {"the_commits": batch}))
    found = [row_of(row) for row in rows if row.output_type == USER]
    fitting = [
        row
        for row in found
        if not row.hidden
        and bounds.low < row.id < bounds.high
        and wanted.pipeline_id in (None, row.pipeline_id)
        and (not wanted.projects or row.job.pipeline.project in wanted.projects)
    ]
    fitting.sort(key=lambda row: row.id, reverse=not wanted.oldest_first)
    return fitting, made[-1] if len(made) == number else None


def _in_time(row: JobRow, wanted: Wanted) -> bool:
    if wanted.before is None:
        return True
    return row.created > wanted.before if wanted.oldest_first else row.created < wanted.before


_FIRST_OF_VERSION = (
    select(jobs.c.id)
    .where(jobs.c.pipeline_id == bindparam("the_pipeline"), jobs.c.version >= bindparam("the_version"))
    .order_by(jobs.c.version, jobs.c.id)
    .limit(1)
)
_FIRST_SINCE = (
    select(jobs.c.id).where(jobs.c.created >= bindparam("the_time")).order_by(jobs.c.created, jobs.c.id).limit(1)
)
_LAST_UNTIL = (
    select(jobs.c.id)
    .where(jobs.c.created <= bindparam("the_time"))
    .order_by(jobs.c.created.desc(), jobs.c.id.desc())
    .limit(1)
)
_FILLING = (
    select(jobs, pipelines.c.name, repos.c.type.label("output_type"))
    .select_from(commits)
    .join(repos, repos.c.id == commits.c.repo_id)
    .join(pipelines, (pipelines.c.project == repos.c.project) & (pipelines.c.name == repos.c.name))
    .join(jobs, (jobs.c.pipeline_id == pipelines.c.id) & (jobs.c.set_id == commits.c.set_id))
    .where(commits.c.id.in_(bindparam("the_commits", expanding=True)))
)
