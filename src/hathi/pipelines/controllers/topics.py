"""Which keys a topic of the change feed concerns: what changed, who must look at it."""

from __future__ import annotations

from collections.abc import Iterable

from hathi.metadata.transaction import Transaction
from hathi.model.ids import CommitSetId
from hathi.model.references import USER, Job, Pipeline, Repo
from hathi.pipelines.planner import EARLY_JOBS
from hathi.pipelines.rows import jobs, pipelines
from hathi.versioning import repos

Key = Pipeline | Job

_AHEAD = 8
"""Jobs looked at beyond those that may be planned early: their turn comes next. All others wait for their turn, or for
what has a topic of its own, so that a backlog of ten thousand jobs does not mean ten thousand looks for each end."""

PREFIXES = ("commit/", "job/", "pipeline/", "provenance/", "repo/")


def keys_of(tx: Transaction, topics: Iterable[str]) -> set[Key]:
    """Return what is to be looked at after these topics.

    A mere prefix is what the feed publishes when topics may have been missed.
    A commit on an output repo shares its name and id with a job. A pipeline's topic concerns the first of its
    unfinished jobs too, as one job's end lets the next begin. A repo that is gone took commits with it that any job
    may have read or filled.
    """
    topics = set(topics)
    found = every_key(tx) if topics.intersection(PREFIXES) else set()
    for topic in topics:
        match topic.split("/"):
            case ["commit", project, repo, id] | ["job", project, repo, id]:
                found.add(Job(Pipeline(project, repo), CommitSetId(id)))
            case ["pipeline", project, name]:
                pipeline = Pipeline(project, name)
                found.add(pipeline)
                if (row := pipelines.find(tx, pipeline)) is not None:
                    found |= {job.job for job in jobs.unfinished(tx, row.id, EARLY_JOBS + _AHEAD)}
            case ["provenance", project, repo, _]:
                found.add(Pipeline(project, _repo(project, repo).name))
            case ["repo", project, repo] if not repos.exists(tx, _repo(project, repo)):
                found |= {job.job for job in jobs.unfinished(tx)}
    return found


def _repo(project: str, name: str) -> Repo:
    name, _, kind = name.partition(".")
    return Repo(project, name, kind or USER)


def every_key(tx: Transaction) -> set[Key]:
    """Return all that may have been left undone: every pipeline and every unfinished job."""
    return {row.pipeline for row in pipelines.list_rows(tx)} | {row.job for row in jobs.unfinished(tx)}
